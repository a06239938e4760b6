#!/usr/bin/env python3
"""Plans the paper's models on the calibrated device and writes docs/npu.md.

Usage: paper_tables.py EDGEFUSION > docs/npu.md
"""

import sys
from pathlib import Path

from planner import BLOCK, Planner, architecture, block_rows
from published import ATTENTION, GUIDED_BATCH, LATENCIES, STEPS, TILED_TOTAL, off

DEVICE = Path(__file__).parents[2] / "src/npu/devices/exynos-2400.json"
TINY = architecture("bk-sdm-tiny")
SD15 = architecture("sd15")
ROWS = [16, 32, 64, 128, 256, 512, 1024]


def percent(value):
    return f"{100 * value:+.1f} %"


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def table(*titles):
    row(*titles)
    row(*["---"] * len(titles))


def share_cell(rows, name, total, published):
    if published is None:
        return "–" if name not in rows else f"{100 * rows[name] / total:.1f} (not there)"
    return f"{100 * rows.get(name, 0) / total:.1f}"


def attention_table(planner):
    untiled = planner.network("unet", *TINY, "--only", BLOCK, "--op-by-op")
    tiled = planner.network("unet", *TINY, "--only", BLOCK, "--attention-rows", 256)
    before, after = block_rows(untiled), block_rows(tiled)
    total = untiled["totals"]["cycles"]
    print("## The attention block\n")
    print("Percent of the untiled time; a row holds what its engine works and what it waits until "
          "another kind of engine has handed over.\n")
    table("row", "untiled, published", "here", "tiled, published", "here")
    for name, (published, published_tiled) in ATTENTION.items():
        row(name, published, share_cell(before, name, total, published),
            "–" if published_tiled is None else published_tiled,
            share_cell(after, name, total, published_tiled))
    row("total", 100, "100", f"{TILED_TOTAL:.0f}",
        f"{100 * tiled['totals']['cycles'] / total:.1f}")
    print(f"\nThe block is {BLOCK.split(':')[0]} of the U-Net: 4096 tokens, 8 heads of 40 channels, "
          f"{planner.to_ms(total):.1f} ms untiled. The paper calls it a cross-attention block; "
          "77 keys would give scores of a fiftieth, and no such shares.\n")
    sweep(planner, total)


def sweep(planner, untiled):
    print("### Size of the tiles\n")
    print("Whole rows of scores of one head in a tile. Small tiles lose to what engines hand over; "
          "those that do not fit send the scores to DRAM as before.\n")
    table("rows", "scores of a tile", "ms", "of untiled", "waits for hand-over")
    for rows in ROWS:
        plan = planner.network("unet", *TINY, "--only", BLOCK, "--attention-rows", rows)
        cycles = plan["totals"]["cycles"]
        waits = sum(item["hand_over"] for item in plan["costs"]["items"])
        row(rows, f"{rows * 4096 * 2 / 2**20:.2g} MiB", f"{planner.to_ms(cycles):.1f}",
            f"{100 * cycles / untiled:.0f} %", f"{100 * waits / cycles:.0f} %")
    print()


def latencies(planner):
    """Milliseconds of encoder, U-Net and decoder, as in the paper's table."""
    def untiled(name, *options):
        return planner.milliseconds(name, *options, op_by_op=True)

    encoder, decoder = untiled("text_encoder", *TINY), untiled("vae_decoder", *TINY)
    guided = STEPS * untiled("unet", *SD15, "--batch", GUIDED_BATCH)
    tiny = STEPS * untiled("unet", *TINY)
    tiled = STEPS * planner.milliseconds("unet", *TINY)
    return {"SD v1.5, untiled": (encoder, guided, decoder),
            "EdgeFusion, untiled": (encoder, tiny, decoder),
            "EdgeFusion, tiled": (encoder, tiled, decoder)}


def latency_table(found):
    print("## Latencies\n")
    print(f"Milliseconds: published / here (off). {STEPS} steps; SD v1.5 with guidance, two passes a "
          "step as a batch of two. As in the paper the U-Net alone is tiled. Text encoder and decoder "
          "in f16, U-Nets in w8a16.\n")
    table("", "encoder", "U-Net", "decoder", "total")
    for name, published in LATENCIES.items():
        here = found[name]
        pairs = [*zip(published, here), (sum(published), sum(here))]
        row(name, *(f"{a:.1f} / {b:.1f} ({percent(off(b, a))})" for a, b in pairs))
    print()


def beyond(planner, found):
    encoder, tiled, decoder = found["EdgeFusion, tiled"]
    tiny_decoder = architecture("bk-sdm-tiny", "taesd")

    def planned(name, *options):
        return planner.network(name, *options)

    nets = {
        "text": planned("text_encoder", *TINY),
        "vae": planned("vae_decoder", *TINY),
        "taesd": planned("vae_decoder", *tiny_decoder),
        "w8a8": planned("unet", *TINY, "--precision", "w8a8"),
        "taesd w8a8": planned("vae_decoder", *tiny_decoder, "--precision", "w8a8"),
    }
    ms = {name: planner.to_ms(net["totals"]["cycles"]) for name, net in nets.items()}
    print("## Beyond the paper\n")
    print("On the same device, each row with what is above it. Milliseconds.\n")
    table("", "encoder", "U-Net", "decoder", "total")
    rows = [("as in the paper", encoder, tiled, decoder),
            ("decoder and encoder tiled too", ms["text"], tiled, ms["vae"]),
            ("TAESD instead of the decoder", ms["text"], tiled, ms["taesd"]),
            ("U-Net in w8a8", ms["text"], STEPS * ms["w8a8"], ms["taesd"]),
            ("TAESD in w8a8", ms["text"], STEPS * ms["w8a8"], ms["taesd w8a8"])]
    for name, *parts in rows:
        row(name, *(f"{part:.1f}" for part in parts), f"{sum(parts):.1f}")
    print("\n### What is in the way then\n")
    for title, net, runs in [("text encoder", nets["text"], 1), ("U-Net in w8a8", nets["w8a8"], STEPS),
                             ("TAESD in w8a8", nets["taesd w8a8"], 1)]:
        print(f"{title}: {runs * planner.to_ms(net['totals']['cycles']):.1f} ms\n")
        for reason in net["reasons"][:4]:
            print(f"- {runs * planner.to_ms(reason['cycles']):.1f} ms: {reason['text']}")
        print()


def good_plans(program):
    print("""## How good plans are

On graphs of a few ops `search_test` holds the search against every plan there is: within 2 % of the
best one. Plans are proved by a verifier that does not know how they were made. Here a pass of
BK-SDM-Tiny at 512x512 is planned for each device that comes along (seconds of one core), and the plan
is run tile by tile in a memory of the device's size, with random weights:
""")
    table("device", "planned in", "run in tiles")
    for device in sorted(DEVICE.parent.glob("*.json")):
        seconds, said = Planner(program, device).executed("unet", *TINY)
        row(device.stem, f"{seconds:.0f} s", said)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    planner = Planner(sys.argv[1], DEVICE)
    print("""# The paper's NPU

What `edgefusion plan` makes of the models of EdgeFusion (arXiv 2404.11925), beside the latencies the
paper gives for the NPU of an Exynos 2400. Made by

    python3 scripts/npu/paper_tables.py build/release/apps/cli/edgefusion > docs/npu.md

The device (`src/npu/devices/exynos-2400.json`) is **calibrated**: `scripts/npu/calibrate.py` fits its
rates so that the figures of EdgeFusion's own models come out; no rate in it comes from a data sheet.
SD v1.5 was not fitted. What the fit has to assume, because the paper does not say it:

- commands run one after another: the shares of the block add up to 100 %;
- 4 MiB on the chip, 1.2 GHz, an array of 32 inputs by 16 outputs;
- products of two activations run at about half the rate of layers: the array keeps weights in place;
- the text encoder takes some 50 ms, five times what its bytes and products explain: here its causal
  attention goes to the host and back.
""")
    attention_table(planner)
    found = latencies(planner)
    latency_table(found)
    beyond(planner, found)
    good_plans(sys.argv[1])


if __name__ == "__main__":
    main()
