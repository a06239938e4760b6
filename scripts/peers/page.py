"""docs/benchmarks.md: the tables of report.py with what is needed to read them."""

from peers import machine, report


def section(title, text, body):
    return f"## {title}\n\n{text}\n\n{body}\n" if body else ""


def heading(options, results, start_times, ours):
    if options.clock == "cpu":
        clock, warning = "CPU time of all threads, min", ""
    else:
        clock = "by the clock on the wall, min / median"
        warning = report.others_note(results, start_times)
    return f"""# Speed and memory against other programs

Made by `scripts/bench_peers.py` on: {machine.cpu_model()}, {machine.cpus()} CPUs. Random weights of
the published shapes. {options.rounds} rounds of {options.repeat} runs each after one to warm up, the
sides in turn (A B A B) in one run. Times are {clock}; a ratio is edgefusion's
least time to the peer's: below 1 edgefusion is faster.
{warning}
{report.sides_table(results, ours, options.side)}"""


def page(options, results, start_times, errors, layer_times):
    ours = [f"edgefusion-{precision}" for precision in options.precision]
    players = [*ours, *options.side]
    parts = [heading(options, results, start_times, ours)]
    for name in ours:
        parts.append(
            section(
                f"Times of {name}",
                "A whole picture is the sum of its networks' times, without loading or the scheduler.",
                report.time_table(results, name, options.side, options.clock),
            )
        )
    parts += [
        section(
            "From start to picture",
            f"A new process until its PNG is written, {options.size[0]} px, files in the page cache. "
            "First: nothing compiled is cached; second: started again with the cache of the first. "
            "Memory is that of the whole process, with its libraries.",
            report.starts_table(start_times) if start_times else "",
        ),
        section(
            "Peak memory",
            "Of a process that runs this network alone, with its libraries. Of whole pictures: above.",
            report.memory_table(results, players),
        ),
        section(
            "Single layers",
            "One thread, least CPU time of a layer alone; edgefusion's by the kernel benchmarks. "
            "The peak is what the program measured in the same run.",
            report.layers_table(layer_times) if layer_times else "",
        ),
        section("Threads", "Times faster than one thread.", _threads(options, results, players)),
        section(
            "Pixels",
            "Times longer than at the first size.",
            report.pixels_table(results, players, options.clock),
        ),
        section(
            "Batch",
            "Times longer than one picture.",
            report.batch_table(results, players, options.clock),
        ),
        section(
            "Agreement",
            "Largest difference to diffusers in f32 on the same weights and inputs, of the largest "
            "value: the sides do the same work.",
            report.agreement_table(errors, players) if errors else "",
        ),
    ]
    return "\n".join(part.rstrip() + "\n" for part in parts if part)


def _threads(options, results, players):
    return report.threads_table(results, players) if options.clock == "wall" else ""
