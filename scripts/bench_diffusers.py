#!/usr/bin/env python3
"""Time and memory of edgefusion against diffusers on torch: f32, 512x512, one machine, one run.

    python3 scripts/bench_diffusers.py --edgefusion build/apps/cli/edgefusion [--out bench.md]

Each measurement is a process of its own, so that its peak memory is its own; the two sides take
turns, since machines change their speed over minutes. torch runs contiguous and channels-last and
the better counts. Environment: scripts/requirements-goldens.txt.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

BUSY_SHARE = 0.25  # of the CPUs in use by others: times then say little
# network on the command line: (architecture, layouts that torch tries)
NETWORKS = {
    "text_encoder": ("clip-vit-l-14", ["contiguous"]),
    "unet": ("bk-sdm-tiny", ["contiguous", "channels_last"]),
    "vae_decoder": ("taesd", ["contiguous", "channels_last"]),
}


def measure_torch(network, layout, repeat):
    """Runs in a process of its own; prints one line of JSON."""
    import torch

    import real_models

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    name = NETWORKS[network][0]
    model = real_models.make_model(name)
    inputs = real_models.inputs_of(network, name)
    if layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        inputs = {
            key: value.to(memory_format=torch.channels_last) if value.dim() == 4 else value
            for key, value in inputs.items()
        }
    compute = real_models.RUNS[network][1]
    times = []
    with torch.inference_mode():
        for _ in range(repeat + 1):
            start = time.perf_counter()
            compute(model, inputs)
            times.append((time.perf_counter() - start) * 1e3)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_mb = peak_kib * 1024 / 1e6  # megabytes of 10^6 bytes, as edgefusion counts
    print(json.dumps({"times_ms": times[1:], "peak_rss_mb": peak_mb}))


def output_of(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nexit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def run_torch(network, layout, repeat):
    command = [sys.executable, __file__, "--edgefusion", "-", "--child", network]
    lines = output_of([*command, "--layout", layout, "--repeat", repeat]).splitlines()
    found = json.loads(lines[-1])
    times = found["times_ms"]
    return {"min": min(times), "median": statistics.median(times), "mb": found["peak_rss_mb"]}


def run_edgefusion(program, network, repeat):
    command = [program, "bench", "--arch", "bk-sdm-tiny", "--decoder", "taesd"]
    command += ["--size", "512x512", "--precision", "f32", "--network", network]
    found = json.loads(output_of([*command, "--repeat", repeat, "--json"]))
    times = found["networks"][network]
    return {
        "min": times["min_ms"],
        "median": times["median_ms"],
        "mb": found["peak_rss_mb"],
        "isa": found["isa"],
        "threads": found["threads"],
    }


def merged(rounds):
    """The least time of all rounds, the median of their medians, the largest memory."""
    return {
        "min": min(r["min"] for r in rounds),
        "median": statistics.median(r["median"] for r in rounds),
        "mb": max(r["mb"] for r in rounds),
    }


def compare(program, network, rounds, repeat):
    layouts = NETWORKS[network][1]
    theirs, ours, loads = {layout: [] for layout in layouts}, [], []
    for _ in range(rounds):
        loads.append(busy_cpus())
        for layout in layouts:
            theirs[layout].append(run_torch(network, layout, repeat))
        ours.append(run_edgefusion(program, network, repeat))
    best = min(layouts, key=lambda layout: merged(theirs[layout])["min"])
    return best, merged(theirs[best]), merged(ours), dict(ours[0], loads=loads)


def row(network, best, theirs, ours):
    return [
        f"{NETWORKS[network][0]} {network}",
        best,
        f"{theirs['min']:.0f} / {theirs['median']:.0f}",
        f"{ours['min']:.0f} / {ours['median']:.0f}",
        f"{theirs['min'] / ours['min']:.2f} / {theirs['median'] / ours['median']:.2f}",
        f"{theirs['mb']:.0f}",
        f"{ours['mb']:.0f}",
        f"{theirs['mb'] / ours['mb']:.2f}",
    ]


def load_note(loads):
    """A warning where others used the machine; loads are CPUs in use, taken between measurements."""
    cpus = len(os.sched_getaffinity(0))
    if max(loads) <= BUSY_SHARE * cpus:
        return ""
    return f"**Not to be quoted**: others kept up to {max(loads):.1f} of {cpus} CPUs busy.\n"


def busy_cpus(seconds=1.0):
    """CPUs in use now, by any process; the script itself sleeps meanwhile."""

    def counters():
        fields = [int(v) for v in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]  # all, idle and waiting for a disk

    total, idle = counters()
    time.sleep(seconds)
    total_after, idle_after = counters()
    share = 1 - (idle_after - idle) / max(1, total_after - total)
    return share * os.cpu_count()


def table(rows):
    head = ["network", "torch layout", "torch ms", "edgefusion ms", "times faster"]
    head += ["torch MB", "edgefusion MB", "times less"]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(rows, settings, rounds, repeat):
    from importlib.metadata import version

    return f"""# Speed and memory against diffusers

Made by `scripts/bench_diffusers.py`: f32, 512x512, {settings["threads"]} threads, isa
{settings["isa"]}, diffusers {version("diffusers")} on torch {version("torch")}. {rounds} rounds of
{repeat} runs after one to warm up, the sides in turn. Times are min / median; memory is the peak of
the process that runs this network alone, for torch with its libraries. Part of the
difference is the weights: torch computes in f32 on f32 weights, edgefusion in f32 on f16 ones.

{load_note(settings["loads"])}
{table(rows)}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edgefusion", required=True, help="the program")
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5, help="runs in each process")
    parser.add_argument("--out", type=Path, help="markdown file to write")
    parser.add_argument("--child", choices=NETWORKS, help=argparse.SUPPRESS)
    parser.add_argument("--layout", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure_torch(options.child, options.layout, options.repeat)
        return

    rows, settings, loads = [], None, []
    for network in options.network or NETWORKS:
        best, theirs, ours, settings = compare(
            options.edgefusion, network, options.rounds, options.repeat
        )
        rows.append(row(network, best, theirs, ours))
        loads += settings["loads"]
        print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    settings["loads"] = loads
    print(load_note(loads) + table(rows))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(report(rows, settings, options.rounds, options.repeat), "utf-8")


if __name__ == "__main__":
    main()
