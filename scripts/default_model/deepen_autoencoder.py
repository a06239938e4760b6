#!/usr/bin/env python3
"""An autoencoder with 16 pixels a latent to begin from, out of one with 8.

    scripts/default_model/deepen_autoencoder.py FROM TO

FROM is the folder of an AutoencoderTiny of 32 channels with 16-bit weights. TO gets one stage more at the
side of the pictures, which at first does next to nothing: what comes in is halved by means, what goes out
is doubled by repetition, so that it begins as FROM does on pictures of half the size. Standard library
only.
"""

import json
import struct
import sys
from pathlib import Path

import tensor_file

WEIGHTS = "diffusion_pytorch_model.safetensors"
CHANNELS = 32
ONE, QUARTER, ZERO = struct.pack("<e", 1.0), struct.pack("<e", 0.25), struct.pack("<e", 0.0)


def diagonal(taps):
    """[C,C,3,3] with these nine values between a channel and itself, zeros elsewhere."""
    own, other = b"".join(taps), ZERO * 9
    rows = [own if i == j else other for i in range(CHANNELS) for j in range(CHANNELS)]
    return [CHANNELS, CHANNELS, 3, 3], b"".join(rows)


SAME = diagonal([ZERO] * 4 + [ONE] + [ZERO] * 4)
HALVED = diagonal([ZERO] * 3 + [ZERO, QUARTER, QUARTER] * 2)  # stride 2: means of 2x2


def deepened(old):
    new = {}

    def copy(half, target, source, still=False):
        prefix = f"{half}.layers.{source}."
        for name, (shape, data) in old.items():
            if name.startswith(prefix):
                rest = name[len(prefix) :]
                # A block whose last convolution is zero gives back what it gets.
                data = bytes(len(data)) if still and rest.startswith("conv.4.") else data
                new[f"{half}.layers.{target}.{rest}"] = (shape, data)

    for layer in (0, 1):
        copy("encoder", layer, layer)
    new["encoder.layers.2.weight"] = HALVED
    copy("encoder", 3, 1, still=True)
    for layer in range(2, 15):
        copy("encoder", layer + 2, layer)
    for layer in range(18):
        copy("decoder", layer, layer)
    new["decoder.layers.19.weight"] = SAME
    copy("decoder", 20, 17, still=True)
    copy("decoder", 21, 18)
    return new


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(Path, sys.argv[1:])
    config = json.loads((source / "config.json").read_text())
    for key in ("encoder_block_out_channels", "decoder_block_out_channels"):
        if config[key] != [CHANNELS] * 4:
            sys.exit(f"{source}/config.json: {key}: expected {[CHANNELS] * 4}, found {config[key]}")
        config[key] = [CHANNELS] * 5
    config["num_encoder_blocks"], config["num_decoder_blocks"] = [1, 1, 3, 3, 3], [3, 3, 3, 1, 1]
    target.mkdir(parents=True, exist_ok=True)
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensor_file.write(target / WEIGHTS, deepened(tensor_file.read(source / WEIGHTS)))


if __name__ == "__main__":
    main()
