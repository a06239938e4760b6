#!/usr/bin/env python3
"""Compares edgefusion with diffusers at 512x512 on random weights of published architectures.

    python3 scripts/parity_real_shapes.py --edgefusion build/apps/cli/edgefusion --work ~/parity

Needs about 5 GB of disk in the folder --work and 12 GB of memory; takes some minutes. Exit code 1
if a bound is broken. Environment: scripts/requirements-goldens.txt.
"""

import argparse
import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file, save_file

import real_models
from goldens.networks import be_repeatable, save_model

NETWORK_BOUND = 2e-4  # max |a-b| / max |b|
LATENTS_BOUND = 1e-3
PICTURE_SHARE = 0.999  # of the values may differ by at most one level
CASES = [
    ("clip-vit-l-14", "text_encoder"),
    ("bk-sdm-tiny", "unet"),
    ("sd15", "unet"),
    ("taesd", "vae_decoder"),
    ("taesd", "vae_encoder"),
    ("vae", "vae_decoder"),
    ("vae", "vae_encoder"),
]
PROMPT, SEED, STEPS = "a red fox in the morning", 1234, 2


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nexit {done.returncode}: {done.stderr.strip()}")


def relative_error(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def check_scale(what, value):
    """Exploded or vanished activations would make any comparison worthless."""
    largest = value.abs().max().item()
    if not (np.isfinite(largest) and 1e-2 < largest < 1e3):
        sys.exit(f"{what}: largest value {largest:g}: the random weights are not fit to compare")


class Row:
    def __init__(self, what, found, bound, note=""):
        self.what, self.found, self.bound, self.note = what, found, bound, note

    @property
    def good(self):
        return self.found <= self.bound  # false for NaN too

    def cells(self):
        verdict = "yes" if self.good else "**no**"
        return [self.what, f"{self.found:.2e}", f"{self.bound:.0e}", verdict, self.note]


@torch.inference_mode()
def torch_side(name, networks, work):
    """Writes the model, inputs and torch's outputs of each network; leaves nothing in memory."""
    model = real_models.make_random_model(name)
    for network in networks:
        inputs = real_models.inputs_of(network, name)
        out_name, compute = real_models.RUNS[network]
        output = compute(model, inputs)
        check_scale(f"{name} {network}", output)
        save_file(inputs, work / f"{name}.{network}.in.safetensors")
        save_file({out_name: output.contiguous()}, work / f"{name}.{network}.torch.safetensors")
    save_model(work / name, model, "f16")


def compare_network(edgefusion, name, network, work):
    ours = work / f"{name}.{network}.ours.safetensors"
    inputs = work / f"{name}.{network}.in.safetensors"
    run([edgefusion, "exec", work / name, network, "--inputs", inputs, "--outputs", ours,
         "--precision", "f32"])
    out_name = real_models.RUNS[network][0]
    a = load_file(ours)[out_name]
    b = load_file(work / f"{name}.{network}.torch.safetensors")[out_name]
    if a.shape != b.shape:
        sys.exit(f"{name} {network}: shape {tuple(a.shape)}, expected {tuple(b.shape)}")
    note = f"largest value {b.abs().max():.2f}"
    return Row(f"{name} {network}", relative_error(a, b), NETWORK_BOUND, note)


@torch.inference_mode()
def torch_picture(folder):
    """(final latents, 8-bit picture [H,W,3]) of the diffusers pipeline."""
    pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    latents = pipe(
        PROMPT,
        num_inference_steps=STEPS,
        guidance_scale=1.0,
        width=real_models.PIXELS,
        height=real_models.PIXELS,
        generator=torch.Generator("cpu").manual_seed(SEED),
        output_type="latent",
    ).images
    check_scale("pipeline latents", latents)
    image = (pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample / 2 + 0.5).clamp(0, 1)
    inside = ((image > 0) & (image < 1)).float().mean().item()
    if inside < 0.5:
        sys.exit(f"pipeline: only {inside:.0%} of the picture is inside (0, 1): it compares little")
    return latents, (image[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def compare_pipeline(edgefusion, work):
    folder = work / "pipeline"
    real_models.write_pipeline(folder)
    gc.collect()
    latents, picture = torch_picture(folder)
    gc.collect()
    png, saved = work / "ours.png", work / "ours.latents.safetensors"
    run([edgefusion, "generate", "-m", folder, "-p", PROMPT, "--steps", STEPS, "--cfg-scale", 1,
         "-s", SEED, "-W", real_models.PIXELS, "-H", real_models.PIXELS, "--precision", "f32",
         "--save-latents", saved, "-o", png])
    what = "bk-sdm-tiny + clip-vit-l-14 + taesd, 2 LCM steps"
    ours = np.asarray(Image.open(png).convert("RGB")).astype(int)
    difference = np.abs(ours - picture.astype(int))
    near = float((difference <= 1).mean())
    note = f"{near:.4%} within one level, largest difference {difference.max()} of 255"
    return [
        Row(what + ": latents", relative_error(load_file(saved)["latents"], latents), LATENTS_BOUND,
            f"largest value {latents.abs().max():.2f}"),
        Row(what + ": share of 8-bit values off by more than one level", 1 - near,
            1 - PICTURE_SHARE, note),
    ]


def table(rows):
    head = ["what", "found", "bound", "holds", "note"]
    lines = [head, ["---"] * len(head), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(rows):
    return f"""# Parity with diffusers at real sizes

Made by `scripts/parity_real_shapes.py`: random weights of the published architectures, stored as
f16, run at 512x512 in f32 by `edgefusion` and by diffusers {diffusers.__version__} on torch
{torch.__version__.split("+")[0]}. Found: max |a-b| / max |b|, where not said otherwise.

{table(rows)}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edgefusion", required=True, type=Path, help="the program")
    parser.add_argument("--work", required=True, type=Path, help="folder for models, some GB")
    parser.add_argument("--out", type=Path, help="markdown file to write, e.g. docs/parity.md")
    parser.add_argument("--only", choices=[*real_models.CLASSES, "pipeline"], action="append")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    be_repeatable()
    torch.set_num_threads(len(os.sched_getaffinity(0)))  # big sums; the bounds are far above order
    wanted = options.only or [*real_models.CLASSES, "pipeline"]

    rows = []
    for name in real_models.CLASSES:
        if name not in wanted:
            continue
        networks = [network for model, network in CASES if model == name]
        torch_side(name, networks, options.work)
        gc.collect()
        for network in networks:
            rows.append(compare_network(options.edgefusion, name, network, options.work))
            print(table(rows[-1:]).splitlines()[-1], flush=True)
        shutil.rmtree(options.work / name)
    if "pipeline" in wanted:
        rows += compare_pipeline(options.edgefusion, options.work)
    print(table(rows))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(report(rows), encoding="utf-8")
    sys.exit(0 if all(row.good for row in rows) else 1)


if __name__ == "__main__":
    main()
