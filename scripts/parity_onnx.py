#!/usr/bin/env python3
"""Compares onnxruntime on exported files with edgefusion and diffusers, at 512x512 on random weights of
published architectures.

    python3 scripts/parity_onnx.py --edgefusion build/apps/cli/edgefusion --work ~/parity [--only sd15]

Needs about 8 GB of disk in the folder --work and 16 GB of memory; takes some minutes. Exit code 1 if a
bound is broken. Environment: scripts/requirements-goldens.txt and requirements-onnx.txt.
"""

import argparse
import gc
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

import real_models
from goldens.networks import be_repeatable, randomise, save_model
from goldens.small_pipelines import UNET_GAINS
from parity_real_shapes import NETWORK_BOUND, Row, check_scale, relative_error, run, table

# The block-removed networks are SD 1.5 with one residual block a stage less, without a middle, and (tiny,
# which has a config of its own) without the innermost stage.
DERIVED = {"bk-sdm-base": {"layers_per_block": 1}, "bk-sdm-small": {"layers_per_block": 1, "mid_block_type": None}}
CASES = [
    ("clip-vit-l-14", "text_encoder"),
    ("bk-sdm-tiny", "unet"),
    ("bk-sdm-small", "unet"),
    ("bk-sdm-base", "unet"),
    ("sd15", "unet"),
    ("taesd", "vae_decoder"),
    ("taesd", "vae_encoder"),
    ("vae", "vae_decoder"),
    ("vae", "vae_encoder"),
]
# In ONNX files networks are called as diffusers' own exports call them.
NAMES = {
    "vae_decoder": {"latent": "latent_sample", "image": "sample"},
    "vae_encoder": {"image": "sample", "latent": "latent_sample"},
}


def make_model(name):
    if name not in DERIVED:
        return real_models.make_random_model(name)
    config = json.loads((real_models.CONFIGS / "sd15" / "config.json").read_text())
    model = UNet2DConditionModel.from_config({**config, **DERIVED[name]}).eval()
    return randomise(model, "real/" + name, "f16", UNET_GAINS)


@torch.inference_mode()
def torch_output(name, network, folder):
    """The network's inputs and what torch makes of them; the model is in `folder` afterwards."""
    model = make_model(name)
    inputs = real_models.inputs_of(network, name)
    output = real_models.RUNS[network][1](model, inputs).contiguous()
    check_scale(f"{name} {network}", output)
    save_model(folder, model, "f16")
    return inputs, output


def engine_output(edgefusion, network, folder, inputs):
    save_file(inputs, folder / "in.st")
    run([edgefusion, "exec", folder, network, "--inputs", folder / "in.st", "--outputs", folder / "out.st",
         "--precision", "f32"])
    return load_file(folder / "out.st")[real_models.RUNS[network][0]]


def onnx_output(network, model, inputs):
    onnx.checker.check_model(str(model), full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    names = NAMES.get(network, {})
    feed = {names.get(name, name): value.numpy() for name, value in inputs.items()}
    feed = {name: value.astype(np.int32 if name == "input_ids" else np.float32) for name, value in feed.items()}
    output = real_models.RUNS[network][0]
    return torch.from_numpy(session.run([names.get(output, output)], feed)[0])


def compare(edgefusion, name, network, work):
    folder, exported = work / name, work / "onnx"
    for old in (folder, exported):
        shutil.rmtree(old, ignore_errors=True)
    inputs, expected = torch_output(name, network, folder)
    gc.collect()
    ours = engine_output(edgefusion, network, folder, inputs)
    run([edgefusion, "export-onnx", folder, "-o", exported, "--network", network, "--size",
         f"{real_models.PIXELS}x{real_models.PIXELS}"])
    model = exported / network / "model.onnx"
    data = model.with_suffix(".onnx.data")
    size = model.stat().st_size + (data.stat().st_size if data.exists() else 0)
    note = f"{size / 1e6:.0f} MB{', weights beside the model' if data.exists() else ''}"
    found = onnx_output(network, model, inputs)
    shutil.rmtree(exported)
    shutil.rmtree(folder)
    return [
        Row(f"{name} {network}: onnxruntime, edgefusion", relative_error(found, ours), NETWORK_BOUND, note),
        Row(f"{name} {network}: onnxruntime, diffusers", relative_error(found, expected), NETWORK_BOUND),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edgefusion", required=True, type=Path, help="the program")
    parser.add_argument("--work", required=True, type=Path, help="folder for models, some GB")
    parser.add_argument("--only", choices=sorted({name for name, _ in CASES}), action="append")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    be_repeatable()
    torch.set_num_threads(len(os.sched_getaffinity(0)))  # big sums; the bounds are far above order
    rows = []
    for name, network in CASES:
        if options.only and name not in options.only:
            continue
        rows += compare(options.edgefusion, name, network, options.work)
        print("\n".join(table(rows[-2:]).splitlines()[-2:]), flush=True)
        gc.collect()
    print(table(rows))
    sys.exit(0 if all(row.good for row in rows) else 1)


if __name__ == "__main__":
    main()
