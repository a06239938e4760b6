#!/usr/bin/env python3
"""What each scheme costs the model that comes with the program: size, time and pictures.

Quantises models/emoji-256 in every way (recipes below, and the search), then compares each bundle with
the model in f32 on prompts that calibration never saw (scripts/default_model/prompts/held_out.txt).
Prints the table of docs/quantization.md.

Usage: quality_table.py EDGEFUSION SCORER [WORK_FOLDER]
  EDGEFUSION  the program      SCORER  a checkpoint of `train image_text` (scripts/default_model/judge.json)
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "models" / "emoji-256"
PROMPTS = ROOT / "scripts" / "default_model" / "prompts" / "held_out.txt"
STEPS = (1, 2, 4)
FLOAT_ATTENTION = {"*": "bf16"}



def weights_alone(scheme):
    """The decoder stays in 16 bits, as in the paper: it is 0.7 MB, and its noise is seen at once."""
    return {"*": scheme, "vae/*": "bf16"}, FLOAT_ATTENTION


# Name -> (layers, attention) of a recipe.
UNIFORM = {
    "W8A16": weights_alone("w8a16"),
    "W8A8 uniform": ({"*": "w8a8"}, {"*": "int8"}),
    "W4A16": weights_alone("w4a16"),
    "palette of 6 bits": weights_alone("palette6"),
    "palette of 4 bits": weights_alone("palette4"),
}


def run(*arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def quantize(program, work, name, arguments):
    bundle = work / (name.replace(" ", "_") + ".safetensors")
    if not bundle.exists():
        run(program, "quantize", MODEL, "-o", bundle, *arguments)
    return bundle


def by_recipe(program, work, name, layers, attention):
    recipe = work / (name.replace(" ", "_") + ".json")
    recipe.write_text(json.dumps({"layers": layers, "attention": attention}))
    return quantize(program, work, name,
                    ["--recipe", recipe, "--schemes", "bf16", "--min-psnr", 1])


def megabytes(path):
    files = [path] if path.is_file() else list(path.rglob("*.safetensors"))
    return sum(file.stat().st_size for file in files) / 1e6


def agreement(program, model, precision, scorer):
    """Rows by number of steps; the least time of three runs."""
    runs = [json.loads(run(program, "eval", "agreement", "-m", model, "--precision", precision,
                           "--against", MODEL, "--prompts", PROMPTS, "--scorer", scorer, "--steps",
                           ",".join(map(str, STEPS)), "--json")) for _ in range(3)]
    for i, row in enumerate(runs[0]):
        row["ms_per_picture"] = min(rows[i]["ms_per_picture"] for rows in runs)
    return {row["steps"]: row for row in runs[0]}


def decibels(value):
    return "equal" if value is None else f"{value:.1f}"


def print_rows(name, size, rows):
    for steps in STEPS:
        row = rows[steps]
        loss = 100 * (1 - row["clip_score"] / row["against_clip_score"])
        print(f"| {name} | {size:.1f} | {steps} | {row['ms_per_picture']:.1f} "
              f"| {decibels(row['psnr_db'])} | {row['ssim']:.4f} | {row['clip_score']:.2f} "
              f"| {loss:+.1f} % | {row['frechet_distance']:.3f} |", flush=True)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, scorer = Path(sys.argv[1]), Path(sys.argv[2])
    work = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    print("| scheme | MB | steps | ms | PSNR dB | SSIM | CLIP | loss | FD |")
    print("|---|---|---|---|---|---|---|---|---|")
    for precision in ("f32", "bf16"):
        print_rows(precision, megabytes(MODEL), agreement(program, MODEL, precision, scorer))
    for name, (layers, attention) in UNIFORM.items():
        bundle = by_recipe(program, work, name, layers, attention)
        print_rows(name, megabytes(bundle), agreement(program, bundle, "int8", scorer))
    for name, least in (("W8A8 mixed, search at 28 dB", 28), ("W8A8 mixed, search at 36 dB", 36)):
        bundle = quantize(program, work, name.replace(",", ""), ["--min-psnr", least])
        print_rows(name, megabytes(bundle), agreement(program, bundle, "int8", scorer))


if __name__ == "__main__":
    main()
