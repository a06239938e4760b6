#!/usr/bin/env python3
"""Fits the rates of a device file to the latencies that EdgeFusion (arXiv 2404.11925) gives.

Each figure that is fitted moves the one rate it depends on most; a few rounds settle it. What is
fitted: the share of the attention block's engines, its tiled total, the U-Net op by op and tiled, the
decoder and the text encoder. Clock, memory size and alignments stay as they are: the published
figures do not tell them apart from the rates. SD v1.5 is not fitted, so that its latency is a check.

Usage: calibrate.py EDGEFUSION DEVICE.json     (rewrites the numbers in DEVICE.json)
"""

import json
import re
import sys
from pathlib import Path

from planner import BLOCK, Planner, architecture, block_rows
from published import ATTENTION, LATENCIES, STEPS, TILED_TOTAL, off

ROUNDS = 6
TINY = architecture("bk-sdm-tiny")


class DeviceFile:
    """Numbers of a device file, changed in place so that its layout stays."""

    def __init__(self, path):
        self.path = Path(path)

    def get(self, *keys):
        value = json.loads(self.path.read_text())
        for key in keys:
            value = value[key]
        return value

    def scale(self, factor, *keys, digits=3):
        text = self.path.read_text()
        begin = 0
        for key in keys:
            begin = text.index(f'"{key}"', begin)
        value = float(f"{self.get(*keys) * factor:.{digits}g}")
        number = re.compile(r'(:\s*)[-+0-9.eE]+')
        changed = number.sub(lambda m: f"{m[1]}{value:g}" if value < 1e6 else f"{m[1]}{value:.0f}",
                             text[begin:], count=1)
        self.path.write_text(text[:begin] + changed)


def damped(published, got):
    return (published / got) ** 0.8


def fit_once(planner, device, with_search):
    """One round; returns the worst miss."""
    misses = {}
    untiled = planner.network("unet", *TINY, "--only", BLOCK, "--op-by-op")
    rows, total = block_rows(untiled), untiled["totals"]["cycles"]

    def share(name):
        return 100 * rows[name] / total

    tiled = planner.network("unet", *TINY, "--only", BLOCK, "--attention-rows", 256)
    tiled_share = 100 * tiled["totals"]["cycles"] / total
    products = (ATTENTION["tensor engine QK^T"][0] + ATTENTION["tensor engine S V"][0]) / (
        share("tensor engine QK^T") + share("tensor engine S V"))
    softmax = ATTENTION["vector engine softmax"][0] / share("vector engine softmax")
    waits = sum(item["hand_over"] for item in tiled["costs"]["items"])
    wanted_waits = waits + (TILED_TOTAL - 1 - tiled_share) / 100 * total
    misses["tiled block"] = off(tiled_share, TILED_TOTAL)

    encoder, unet, decoder = LATENCIES["EdgeFusion, untiled"]
    got_unet = STEPS * planner.milliseconds("unet", *TINY, op_by_op=True)
    got_decoder = planner.milliseconds("vae_decoder", *TINY, op_by_op=True)
    got_encoder = planner.milliseconds("text_encoder", *TINY, op_by_op=True)
    misses.update(unet=off(got_unet, unet), decoder=off(got_decoder, decoder),
                  encoder=off(got_encoder, encoder))
    if with_search:
        got_tiled = STEPS * planner.milliseconds("unet", *TINY)
        published = LATENCIES["EdgeFusion, tiled"][1]
        misses["tiled unet"] = off(got_tiled, published)
        device.scale(1 / damped(published, got_tiled), "tensor_engines", "macs_per_cycle", "w8a16")

    device.scale(1 / damped(unet, got_unet), "dma", "bytes_per_cycle")
    device.scale(1 / damped(decoder, got_decoder) ** 1.5, "tensor_engines", "macs_per_cycle", "f16")
    device.scale(1 / products ** 0.8, "tensor_engines", "activation_products")
    device.scale(softmax ** 0.8, "vector_engines", "cycles", "softmax")
    device.scale(min(2, max(0.5, wanted_waits / waits)), "hand_over_cycles", digits=2)
    host = planner.network("text_encoder", *TINY, "--op-by-op")
    on_host = sum(i["cycles"] for i in host["costs"]["items"] if i["engine"] == "host")
    rest = got_encoder - planner.to_ms(on_host)
    device.scale((encoder - rest) / (got_encoder - rest), "host", "hand_over_cycles")
    print("  ".join(f"{name} {100 * miss:+.1f} %" for name, miss in misses.items()), flush=True)
    return max(abs(miss) for miss in misses.values())


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    device = DeviceFile(sys.argv[2])
    planner = Planner(sys.argv[1], sys.argv[2])
    for number in range(ROUNDS):
        fit_once(planner, device, with_search=number % 2 == 1)


if __name__ == "__main__":
    main()
