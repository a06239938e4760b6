#!/usr/bin/env python3
"""Compares adapters trained by edgefusion, as diffusers and PEFT read them, with our own merged U-Net.

    python3 scripts/parity_adapters.py --edgefusion build/train/apps/cli/edgefusion --work ~/parity

Trains adapters on linear layers and convolutions of the small pipeline of the goldens, at an alpha
that is not the rank, for some steps. The U-Net's output is then computed by diffusers with the base
weights and pytorch_lora_weights.safetensors, by diffusers with the merged weights of the checkpoint,
and by `edgefusion exec` on the checkpoint. Takes seconds. Exit code 1 if a bound is broken.
Environment: scripts/requirements-goldens.txt.
"""

import argparse
import io
import json
import shutil
import sys
import tarfile
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file, save_file

from goldens.networks import be_repeatable, generator
from parity_real_shapes import Row, relative_error, run, table

MODEL = Path(__file__).resolve().parent.parent / "tests" / "goldens" / "pipelines" / "sd"
STEPS = 40
# Adapters and merged weights are stored in f16, each with an error of its own.
BOUND = 1e-3
SAME_WEIGHTS_BOUND = 2e-4
LEAST_CHANGE = 0.1  # that adapters make, or the comparison says little
LAYERS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "conv1", "conv2", "conv_shortcut"]


def write_shard(path):
    draw = generator("adapters/shard")
    with tarfile.open(path, "w") as shard:
        for index in range(4):
            colours = torch.randint(0, 256, (4, 4, 3), generator=draw, dtype=torch.uint8)
            picture = io.BytesIO()
            Image.fromarray(colours.numpy()).resize((32, 32), Image.Resampling.NEAREST).save(picture, "png")
            for name, data in (("png", picture.getvalue()), ("txt", b"picture %d" % index)):
                entry = tarfile.TarInfo(f"{index}.{name}")
                entry.size = len(data)
                shard.addfile(entry, io.BytesIO(data))


def train(edgefusion, work):
    """The checkpoint of a run with adapters."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    write_shard(work / "shard.tar")
    config = dict(
        model=str(MODEL), shards=["shard.tar"], resolution=32, batch=4, steps=STEPS, out="out",
        learning_rate=5e-3, ema_decay=0.5, lora_rank=4, lora_alpha=8, lora_targets=LAYERS,
    )
    (work / "config.json").write_text(json.dumps(config))
    run([edgefusion, "train", "finetune", work / "config.json"])
    return work / "out" / f"checkpoint-{STEPS:08}"


def unet_inputs(unet):
    draw = generator("adapters/inputs")
    return {
        "sample": torch.randn(2, unet.config.in_channels, 8, 8, generator=draw),
        "timestep": torch.tensor([700.0, 40.0]),
        "encoder_hidden_states": torch.randn(2, 77, unet.config.cross_attention_dim, generator=draw),
    }


def engine_output(edgefusion, checkpoint, inputs, work):
    save_file(inputs, work / "in.safetensors")
    run([edgefusion, "exec", checkpoint, "unet", "--inputs", work / "in.safetensors",
         "--outputs", work / "out.safetensors", "--precision", "f32"])
    return load_file(work / "out.safetensors")["out_sample"]


def largest_weight_error(fused, merged):
    """Of layers with adapters fused by PEFT against ours, relative to the largest value of each."""
    mine = dict(merged.named_parameters())
    return max(relative_error(value, mine[name]) for name, value in fused.named_parameters())


@torch.inference_mode()
def compare(edgefusion, checkpoint, work):
    pipe = StableDiffusionPipeline.from_pretrained(MODEL, dtype=torch.float32)
    inputs = unet_inputs(pipe.unet)
    base = pipe.unet(**inputs).sample
    pipe.load_lora_weights(checkpoint)
    adapted = pipe.unet(**inputs).sample
    merged = UNet2DConditionModel.from_pretrained(checkpoint / "unet", dtype=torch.float32)
    merged_output = merged(**inputs).sample
    ours = engine_output(edgefusion, checkpoint, inputs, work)
    read = sum(name.endswith("lora_A.default_0.weight") for name, _ in pipe.unet.named_parameters())
    written = len(load_file(checkpoint / "pytorch_lora_weights.safetensors")) // 2
    pipe.fuse_lora()
    pipe.unload_lora_weights()
    change = relative_error(adapted, base)
    if not change > LEAST_CHANGE:
        sys.exit(f"adapters change the output by {change:g} of its largest value: too little to compare")
    return [
        Row("layers whose adapters were not read", abs(written - read), 0, f"of {written}"),
        Row("diffusers with adapters, edgefusion with merged weights", relative_error(adapted, ours), BOUND,
            f"adapters change the output by {change:.2f}"),
        Row("diffusers with adapters, diffusers with merged weights", relative_error(adapted, merged_output), BOUND),
        Row("merged weights: diffusers, edgefusion", relative_error(merged_output, ours), SAME_WEIGHTS_BOUND),
        Row("weights fused by PEFT, merged by edgefusion", largest_weight_error(pipe.unet, merged), BOUND),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edgefusion", required=True, type=Path, help="the program, with training")
    parser.add_argument("--work", required=True, type=Path, help="folder; adapters/ in it is made anew")
    options = parser.parse_args()
    be_repeatable()
    work = options.work / "adapters"
    rows = compare(options.edgefusion, train(options.edgefusion, work), work)
    print(table(rows))
    sys.exit(0 if all(row.good for row in rows) else 1)


if __name__ == "__main__":
    main()
