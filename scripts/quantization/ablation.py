#!/usr/bin/env python3
"""Naive 8 bits against each measure, added one at a time, on the model that comes with the program.

Every layer that can be is w8a8 and every attention int8, until the last rows, where the scheme of each
layer is chosen. Prints a table of docs/quantization.md: PSNR and SSIM against f32 at two steps, on
prompts that calibration never saw.

Usage: ablation.py EDGEFUSION SCORER [WORK_FOLDER]
"""

import sys
import tempfile
from pathlib import Path

from quality_table import FLOAT_ATTENTION, MODEL, PROMPTS, by_recipe, decibels, quantize, run

import json

STEPS = 2
# Each row has the methods of all rows before it.
MEASURES = [
    ("one scale a tensor, ranges by min and max", "none"),
    ("+ a scale for each output of the weights", "outputs"),
    ("+ ranges of least error", "range"),
    ("+ weights clipped for least error", "clip"),
    ("+ scales of their own for the halves of skip concats", "sources"),
    ("+ equalised channels", "equalize"),
    ("+ corrected biases", "bias"),
    ("+ rounding with feedback in the worst layers", "feedback"),
]


def scores(program, scorer, bundle):
    found = json.loads(run(program, "eval", "agreement", "-m", bundle, "--against", MODEL, "--prompts",
                           PROMPTS, "--scorer", scorer, "--steps", STEPS, "--json"))[0]
    return (f"{decibels(found['psnr_db'])} | {decibels(found['worst_psnr_db'])} | {found['ssim']:.4f} "
            f"| {found['clip_score']:.2f}")


def fixed(program, work, name, layers, attention, methods):
    recipe = work / f"{name}.json"
    recipe.write_text(json.dumps({"layers": layers, "attention": attention}))
    return quantize(program, work, name, ["--recipe", recipe, "--schemes", "bf16", "--min-psnr", 0.1,
                                          "--methods", methods])


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, scorer = sys.argv[1], sys.argv[2]
    work = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    print("| measure | PSNR dB | worst picture | SSIM | CLIP |")
    print("|---|---|---|---|---|")
    used = []
    for i, (title, method) in enumerate(MEASURES):
        if method != "none":
            used.append(method)
        bundle = fixed(program, work, f"ablation{i}", {"*": "w8a8"}, {"*": "int8"},
                       ",".join(used) or "none")
        print(f"| {title} | {scores(program, scorer, bundle)} |", flush=True)
    bundle = by_recipe(program, work, "ablation_bf16_attention", {"*": "w8a8"}, FLOAT_ATTENTION)
    print(f"| + attention in bf16 | {scores(program, scorer, bundle)} |", flush=True)
    bundle = by_recipe(program, work, "ablation_dynamic", {"*": "w8a8", "unet/*proj*": "w8a8_dynamic",
                                                           "unet/*attn*": "w8a8_dynamic",
                                                           "unet/*ff*": "w8a8_dynamic"},
                       FLOAT_ATTENTION)
    print(f"| + scales of tokens found at run time, rotated where there are outliers "
          f"| {scores(program, scorer, bundle)} |", flush=True)
    for least in (28, 33, 38):
        bundle = quantize(program, work, f"ablation_search{least}", ["--min-psnr", least])
        print(f"| a scheme for each layer, search at {least} dB | {scores(program, scorer, bundle)} |",
              flush=True)


if __name__ == "__main__":
    main()
