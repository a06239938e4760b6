#!/usr/bin/env python3
"""A teacher to begin from, out of a few-step student: the blocks that its plan removed, put back.

    scripts/default_model/regrow_teacher.py FROM TO

FROM is the unet folder of a student of the plan `small`, with 16-bit weights. TO gets a U-Net with two pairs
of blocks in each stage on the way down, three on the way up, and a mid block. What is new is made of its
neighbours' weights but for its last layer, which is zero: it gives back what it gets, so that the U-Net begins
with what the student has learned. The guidance embedding of the student is left out. Standard library only.
"""

import json
import struct
import sys
from math import prod
from pathlib import Path

import tensor_file

WEIGHTS = "diffusion_pytorch_model.safetensors"
GUIDANCE = "time_embedding.cond_proj."
ONE = struct.pack("<e", 1.0)
LAST_OF_ATTENTION, LAST_OF_RESNET = "proj_out.", "conv2."


def zeros(tensor):
    shape, data = tensor
    return shape, bytes(len(data))


def inputs(tensor, ranges):
    """The tensor with these ranges of its input channels: dimension 1, or the only one."""
    shape, data = tensor
    outer, channels = (1, shape[0]) if len(shape) == 1 else (shape[0], shape[1])
    element = 2 * prod(shape[2:])
    parts = [data[(row * channels + begin) * element : (row * channels + end) * element]
             for row in range(outer) for begin, end in ranges]
    count = sum(end - begin for begin, end in ranges)
    return ([count] if len(shape) == 1 else [shape[0], count, *shape[2:]]), b"".join(parts)


def first_of(channels, rows):
    """[rows, channels, 1, 1]: the first `rows` channels as they are, without the others."""
    data = b"".join(bytes(2 * row) + ONE + bytes(2 * (channels - row - 1)) for row in range(rows))
    return [rows, channels, 1, 1], data


class Student:
    def __init__(self, tensors):
        self.tensors = tensors

    def below(self, prefix):
        return {name[len(prefix) :]: tensor for name, tensor in self.tensors.items() if name.startswith(prefix)}

    def attention(self, prefix):
        """An attention block like that at `prefix` which adds nothing."""
        return {name: zeros(tensor) if name.startswith(LAST_OF_ATTENTION) else tensor
                for name, tensor in self.below(prefix).items()}

    def resnet_of_one_width(self, prefix):
        """A resnet from the output channels of that at `prefix` to as many, which adds nothing."""
        old = self.below(prefix)
        new = {name: tensor for name, tensor in old.items() if not name.startswith("conv_shortcut.")}
        for kind in ("weight", "bias"):
            new[f"norm1.{kind}"] = old[f"norm2.{kind}"]
            new[f"conv1.{kind}"] = old[f"conv2.{kind}"]
            new[f"conv2.{kind}"] = zeros(old[f"conv2.{kind}"])
        return new

    def resnet_of_skip(self, prefix, width):
        """A resnet of twice `width` channels, below a skip, which gives back the first half."""
        new = self.below(prefix)
        taken = len(new["norm1.bias"][1]) // 2
        ranges = [(0, width), (taken - width, taken)]
        for name in ("norm1.weight", "norm1.bias", "conv1.weight"):
            new[name] = inputs(new[name], ranges)
        for name in ("conv2.weight", "conv2.bias", "conv_shortcut.bias"):
            new[name] = zeros(new[name])
        new["conv_shortcut.weight"] = first_of(2 * width, width)
        return new


def regrown(config, tensors):
    student = Student(tensors)
    teacher = {}

    def put(prefix, block):
        teacher.update({prefix + name: tensor for name, tensor in block.items()})

    for name, tensor in tensors.items():
        stays = not name.startswith(("up_blocks.", GUIDANCE))
        if stays:
            teacher[name] = tensor
    channels = config["block_out_channels"]
    last = len(channels) - 1
    for stage, width in enumerate(channels):
        down, up = f"down_blocks.{stage}", f"up_blocks.{last - stage}"
        put(f"{down}.resnets.1.", student.resnet_of_one_width(f"{down}.resnets.0."))
        put(f"{down}.attentions.1.", student.attention(f"{down}.attentions.0."))
        for name, tensor in student.below(f"{up}.").items():
            for kind in ("resnets", "attentions"):  # the student's second pair was the teacher's third
                name = name.replace(f"{kind}.1.", f"{kind}.2.")
            teacher[f"{up}.{name}"] = tensor
        put(f"{up}.resnets.1.", student.resnet_of_skip(f"{up}.resnets.0.", width))
        put(f"{up}.attentions.1.", student.attention(f"{up}.attentions.0."))
    for resnet in (0, 1):
        put(f"mid_block.resnets.{resnet}.", student.resnet_of_one_width(f"down_blocks.{last}.resnets.0."))
    put("mid_block.attentions.0.", student.attention(f"down_blocks.{last}.attentions.0."))
    return teacher


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(Path, sys.argv[1:])
    config = json.loads((source / "config.json").read_text())
    for key, expected in (("layers_per_block", 1), ("mid_block_type", None)):
        if config[key] != expected:
            sys.exit(f"{source}/config.json: {key}: expected {expected}, found {config[key]}")
    tensors = regrown(config, tensor_file.read(source / WEIGHTS))
    config |= {"layers_per_block": 2, "mid_block_type": "UNetMidBlock2DCrossAttn", "time_cond_proj_dim": None}
    target.mkdir(parents=True, exist_ok=True)
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensor_file.write(target / WEIGHTS, tensors)


if __name__ == "__main__":
    main()
