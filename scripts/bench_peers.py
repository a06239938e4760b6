#!/usr/bin/env python3
"""Time and memory of edgefusion against other programs: the same networks, one machine, one run.

    python3 scripts/bench_peers.py --edgefusion build/release/apps/cli/edgefusion --work ~/peers \\
        --out docs/benchmarks.md

The sides take turns (A B A B), since machines change their speed over minutes; each is a process of
its own, loaded once and kept warm. Models of random weights are made in the folder --work at the
first run (6 GB of disk and 12 GB of memory for all kinds). Peers that are not installed are left
out with a word. Environment: scripts/requirements-peers.txt. On a machine that others use,
`--clock cpu --threads 1` compares CPU time, which waiting does not lengthen.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from peers import agreement, layers, machine, page, prepare, program, rounds, starts
from peers.case import NETWORKS, WHOLE, Case
from peers.sides import DEFAULT_SIDES, SIDES, version


def say(text):
    print(text, file=sys.stderr, flush=True)


def installed(names):
    """The sides whose packages are there."""
    found = []
    for name in names:
        missing = SIDES[name].missing()
        if missing:
            say(f"{name}: left out: {', '.join(missing)} is not installed")
        else:
            found.append(name)
    return found


def prepared(kind, work):
    """Makes the files of a kind where they are not there yet; False, with a word, if it cannot."""
    before, packages = prepare.KINDS[kind]
    if (work / kind).exists():
        return True
    if not all(prepared(other, work) for other in before):
        return False
    missing = [name for name in packages if version(name) is None]
    if missing:
        say(f"{kind}: cannot be made: {', '.join(missing)} is not installed")
        return False
    say(f"making {work / kind}")
    with open(work / f"{kind}.log", "w", encoding="utf-8") as log:
        command = [sys.executable, "-m", "peers.prepare", kind, str(work)]
        done = subprocess.run(command, stdout=log, stderr=log, env=rounds.python_environment())
    if done.returncode:
        say(f"{kind}: cannot be made; see {work / kind}.log")
    return done.returncode == 0


def cases(options):
    """Every size and thread count at batch 1, then larger batches at the first size."""
    for threads in options.threads:
        for size in options.size:
            for network in options.network:
                # The text encoder does not know the size of the picture.
                if network != "text_encoder" or size == options.size[0]:
                    yield Case(network, size, threads)
    for batch in options.batch:
        for network in options.network:
            if batch > 1 and network != WHOLE:
                yield Case(network, options.size[0], max(options.threads), batch)


def makers(case, options):
    """{side: function that loads it for the case}, edgefusion first."""
    made = {}
    for precision in options.precision:
        name = f"edgefusion-{precision}"
        made[name] = partial(program.Program, options.edgefusion, precision, case)
    for side in options.side:
        if SIDES[side].package == "sdcpp" and case.network != WHOLE:
            continue  # it runs whole pictures only
        made[side] = partial(rounds.Peer, side, case, options.work)
    return made


def measure_cases(options):
    results = {}
    for case in cases(options):
        found = rounds.alternate(
            case, makers(case, options), options.rounds, options.repeat, options.patience, say
        )
        results[case] = found
        for side, result in found.items():
            say(
                f"{case.network} {case.size} px, {case.threads} threads, batch {case.batch}: "
                f"{side} {result.min_ms:.1f} / {result.median_ms:.1f} ms, "
                f"CPU {result.cpu_ms or 0:.1f} ms, {result.peak_mb:.0f} MB, "
                f"others {result.others:.1f} CPUs"
            )
    return results


def measure_starts(options):
    case = Case(WHOLE, options.size[0], max(options.threads))
    commands = {}
    for precision in options.precision:
        commands[f"edgefusion-{precision}"] = lambda picture, cache, precision=precision: (
            program.picture_command(options.edgefusion, precision, case, options.work, picture)
        )
    for side in options.side:
        commands[side] = lambda picture, cache, side=side: rounds.worker_command(
            side, case, options.work, "--picture", picture, "--cache", cache
        )
    found = starts.measure(commands, options.starts, options.patience, say)
    return {side: starts.summary(start) for side, start in found.items()}


def measure_agreement(options):
    if SIDES[agreement.REFERENCE].missing():
        say("outputs are not compared: torch is not installed")
        return {}
    networks = [name for name in options.network if name in NETWORKS]
    ours = {f"edgefusion-{p}": (options.edgefusion, p) for p in options.precision}
    return agreement.measure(networks, options.side, ours, options.size[0], options.work, say)


def measure_layers(options):
    if not options.kernel_benches:
        return {}
    if version("openvino") is None:
        say("single layers: left out: openvino is not installed")
        return {}
    repeats = options.rounds, options.repeat
    return layers.measure(
        options.edgefusion, options.kernel_benches, options.precision[0], repeats, say
    )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    some = {"nargs": "+"}
    parser.add_argument("--edgefusion", type=Path, required=True, help="the program")
    parser.add_argument("--work", type=Path, required=True, help="folder for models, kept")
    parser.add_argument("--precision", **some, default=["bf16"], help="of edgefusion")
    parser.add_argument("--side", **some, choices=SIDES, default=DEFAULT_SIDES)
    parser.add_argument("--network", **some, choices=[*NETWORKS, WHOLE],
                        default=[*NETWORKS, WHOLE])
    parser.add_argument("--size", **some, type=int, default=[512, 256, 768], help="pixels")
    parser.add_argument("--threads", **some, type=int, default=sorted({1, machine.cpus()}))
    parser.add_argument("--batch", **some, type=int, default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3, help="runs in each turn")
    parser.add_argument("--starts", type=int, default=2, help="starts of each side; 0: none")
    parser.add_argument("--no-agreement", action="store_true", help="do not compare outputs")
    parser.add_argument("--kernel-benches", type=Path, metavar="FOLDER",
                        help="of kernels_*_bench (EDGEFUSION_BENCH=ON): single layers too")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="of the tables")
    parser.add_argument("--patience", type=int, default=0, metavar="SECONDS",
                        help="wait so long for other processes to rest before each turn")
    parser.add_argument("--out", type=Path, help="markdown file to write")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    options = parser.parse_args()
    if options.clock == "cpu" and options.threads != [1]:
        parser.error("--clock cpu says something with --threads 1 only")
    return options


def write_json(path, results, **others):
    listed = [
        {**dataclasses.asdict(case), "sides": {s: dataclasses.asdict(r) for s, r in found.items()}}
        for case, found in results.items()
    ]
    path.write_text(json.dumps({"cases": listed, **others}, indent=1), "utf-8")


def main():
    options = parse_arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    if not prepared("models", options.work):
        sys.exit("no models to compare on")
    if "int8" in options.precision:
        say("quantising the models for edgefusion-int8")
        program.quantize(options.edgefusion, options.work)
    options.side = [s for s in installed(options.side) if prepared(SIDES[s].files, options.work)]
    results = measure_cases(options)
    start_times = measure_starts(options) if options.starts else {}
    errors = {} if options.no_agreement else measure_agreement(options)
    layer_times = measure_layers(options)
    text = page.page(options, results, start_times, errors, layer_times)
    print(text)
    if options.out:
        options.out.write_text(text, "utf-8")
    if options.json:
        write_json(
            options.json, results, starts=start_times, errors=errors, layers=layer_times
        )


if __name__ == "__main__":
    main()
