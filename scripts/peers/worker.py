"""The process of one side for one case; it loads once and then takes orders, one line of JSON each.

    {"run": N}          runs every network N times  -> {"times_ms": {...}, "cpu_ms": {...}}
    {"save": "x.npz"}   writes the latest outputs   -> {}
    end of input        peak memory                 -> {"peak_rss_mb": ...}

The first answer is {"load_ms": ..., "precisions": ...}; a failure is {"error": ...}. With --picture
it paints one picture instead and ends: what a first start costs.
"""

import argparse
import importlib
import json
import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from peers.case import NETWORKS, STEPS, WHOLE, Case
from peers.sides import SIDES


def take_stdout():
    """The pipe for answers; libraries that print then print to stderr."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return answers


def timed(action):
    """(wall, CPU) milliseconds; CPU time counts all threads, and no waiting for a busy machine."""
    cpu, wall = time.process_time(), time.perf_counter()
    action()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def load(options):
    side = SIDES[options.side]
    case = Case(options.network, options.size, options.threads, options.batch)
    module = importlib.import_module(f"peers.{side.package}_side")
    return module.load(case, options.work, side, options.cache)


def precisions(networks):
    total = Counter()
    for network in networks.values():
        total.update(network.precisions())
    return dict(total)


def run(networks, repeat):
    times, cpu = {}, {}
    for name, network in networks.items():
        both = [timed(network.run) for _ in range(repeat)]
        times[name], cpu[name] = ([pair[i] for pair in both] for i in (0, 1))
    return {"times_ms": times, "cpu_ms": cpu}


def save(networks, path):
    import numpy as np

    np.savez(path, **{name: network.output() for name, network in networks.items()})


def paint(networks, size, path):
    """From token ids to a file. The scheduler is left out: some additions on 16384 numbers."""
    import numpy as np
    from PIL import Image

    if WHOLE in networks:
        image = networks[WHOLE]
        image.run()
    else:
        text, unet, image = (networks[name] for name in ("text_encoder", "unet", "taesd"))
        text.run()
        latent, timestep, _ = Case(WHOLE, size, threads=1).inputs("unet").values()
        for _ in range(STEPS):
            unet.set([latent, timestep, text.output()])
            unet.run()
            latent = unet.output()
        image.set([latent])
        image.run()
    pixels = np.clip(np.nan_to_num(image.output()[0]) * 127.5 + 127.5, 0, 255)
    Image.fromarray(pixels.transpose(1, 2, 0).astype(np.uint8)).save(path)


def serve(networks, answer):
    for line in sys.stdin:
        order = json.loads(line)
        if "run" in order:
            answer(run(networks, order["run"]))
        elif "save" in order:
            save(networks, order["save"])
            answer({})
    answer({"peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6})


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("network", choices=[*NETWORKS, WHOLE])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="folder for compiled models")
    parser.add_argument("--picture", type=Path, help="paint one picture into this file, and end")
    return parser.parse_args()


def main():
    answers = take_stdout()

    def answer(found):
        print(json.dumps(found), file=answers, flush=True)

    options = parse_arguments()
    try:
        networks = {}
        load_ms = timed(lambda: networks.update(load(options)))[0]
        if options.picture:
            paint(networks, options.size, options.picture)
            return
        run(networks, 1)  # the first run also touches every page
        answer({"load_ms": load_ms, "precisions": precisions(networks)})
        serve(networks, answer)
    except Exception as error:  # a peer's own errors are of many kinds; the caller reports them
        answer({"error": f"{type(error).__name__}: {error}".splitlines()[0]})
        raise


if __name__ == "__main__":
    main()
