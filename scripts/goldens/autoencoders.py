"""Autoencoder goldens: tests/goldens/vae/<case>/ (AutoencoderKL) and taesd/<case>/ (AutoencoderTiny)."""

import torch
from diffusers import AutoencoderKL, AutoencoderTiny

from goldens.networks import (
    Taps,
    generator,
    randomise,
    rewrite_weights,
    save_golden,
    save_model,
)


def kl_stages(widths):
    return dict(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        norm_num_groups=4,
        layers_per_block=2,
        sample_size=32,
    )


def tiny_stages(width, decoder_blocks, encoder_blocks):
    stages = len(decoder_blocks)
    return dict(
        encoder_block_out_channels=(width,) * stages,
        decoder_block_out_channels=(width,) * stages,
        num_encoder_blocks=encoder_blocks,
        num_decoder_blocks=decoder_blocks,
    )


# A size is (height, width, batch). name: (config, storage, latent sizes, image sizes); the first of
# each is the one that the tapped case taps.
KL_CASES = {
    "three_stages": (
        kl_stages((8, 16, 16)),
        "f16",
        [(4, 6, 2), (8, 8, 1), (5, 7, 1)],
        [(16, 24, 2), (40, 56, 1), (24, 72, 1)],
    ),
    "four_stages": (
        kl_stages((8, 8, 16, 16)),
        "bf16",
        [(5, 7, 2), (9, 4, 1)],
        [(40, 56, 2), (24, 72, 1)],
    ),
    "no_quant_conv": (
        dict(
            kl_stages((8, 16)),
            latent_channels=8,
            use_quant_conv=False,
            use_post_quant_conv=False,
            shift_factor=0.1159,
        ),
        "f32",
        [(8, 8, 1), (5, 7, 2)],
        [(24, 40, 2)],
    ),
    "old_names": (
        dict(kl_stages((8, 16)), layers_per_block=1),
        "f16",
        [(8, 8, 1), (7, 11, 2)],
        [(24, 40, 2)],
    ),
    "no_mid_attention": (
        dict(kl_stages((8, 16)), layers_per_block=1, mid_block_add_attention=False),
        "f16",
        [(8, 8, 1), (3, 5, 2)],
        [(24, 40, 2)],
    ),
}
TINY_CASES = {
    "narrow": (
        tiny_stages(12, (3, 3, 3, 1), (1, 3, 3, 3)),
        "f16",
        [(3, 4, 2), (8, 8, 1), (5, 7, 1)],
        [(24, 32, 2), (40, 56, 1)],
    ),
    "wide_decoder": (tiny_stages(64, (1, 1, 1), (1, 1, 1)), "f16", [(4, 4, 1), (3, 5, 2)], []),
    "three_stages": (
        tiny_stages(12, (2, 1, 1), (1, 1, 2)),
        "f32",
        [(6, 5, 2), (1, 9, 1)],
        [(20, 36, 2)],
    ),
}
KL_TAPPED, TINY_TAPPED = "three_stages", "narrow"
DECODER_ONLY_CASE = "wide_decoder"
OLD_NAMES_CASE = "old_names"

# Residual chains without norms would double with every block: the last convolution of each is tamed.
TINY_GAINS = {"layers": 1.4, "conv.4": 0.4, "skip": 0.8, "decoder.layers.0": 1.0}
KL_GAINS = {"to_q": 1.5}
OLD_ATTENTION_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def wanted_kl_tap(name, module):
    kinds = ("ResnetBlock2D", "Attention", "Downsample2D", "Upsample2D", "UNetMidBlock2D")
    leaves = ("conv_in", "conv_norm_out", "conv_out", "quant_conv", "post_quant_conv")
    return type(module).__name__ in kinds or name.split(".")[-1] in leaves


def wanted_tiny_tap(name, _module):
    parts = name.split(".")
    return len(parts) == 3 and parts[1] == "layers"


def with_old_attention_names(tensors):
    def renamed(key):
        for new, old in OLD_ATTENTION_NAMES.items():
            key = key.replace(f".attentions.0.{new}.", f".attentions.0.{old}.")
        return key

    return {renamed(key): value for key, value in tensors.items()}


def decoder_only(tensors):
    return {key: value for key, value in tensors.items() if key.startswith("decoder.")}


def kl_mean(model, image):
    return model.encode(image).latent_dist.mean


def tiny_latents(model, image):
    return model.encode(image).latents


class Case:
    """One model, what it computes on drawn inputs, and how it is stored."""

    def __init__(self, kind, name, model, storage):
        self.label = f"{kind}/{name}"
        self.model = model
        self.storage = storage
        self.tensors = {}

    def run(self, direction, sizes, compute, wanted_tap=None):
        """direction: (input name, channels, output name, spread of the input)."""
        source, channels, target, spread = direction
        for index, (height, width, batch) in enumerate(sizes):
            draw = generator(f"{self.label}/{source}/{index}")
            x = spread * torch.randn(batch, channels, height, width, generator=draw)
            if source == "image":
                x = x.clamp(-1, 1)
            taps = Taps(self.model, wanted_tap) if wanted_tap and index == 0 else None
            self.tensors[f"in.{index}.{source}"] = x
            self.tensors[f"out.{index}.{target}"] = compute(self.model, x)
            if taps:
                self.tensors.update(taps.take())

    def save(self, folder):
        save_model(folder, self.model, self.storage)
        save_golden(folder / "golden.safetensors", self.tensors)


@torch.no_grad()
def make_kl_case(folder, name):
    config, storage, latent_sizes, image_sizes = KL_CASES[name]
    model = randomise(AutoencoderKL(**config), "vae/" + name, storage, KL_GAINS)
    case = Case("vae", name, model, storage)
    tap = wanted_kl_tap if name == KL_TAPPED else None
    channels = model.config.latent_channels
    case.run(("latent", channels, "image", 1.0), latent_sizes, lambda m, x: m.decode(x).sample, tap)
    case.run(("image", 3, "latent", 0.6), image_sizes, kl_mean, tap)
    case.save(folder)
    if name == OLD_NAMES_CASE:
        path = folder / "diffusion_pytorch_model.safetensors"
        rewrite_weights(path, with_old_attention_names, storage)


@torch.no_grad()
def make_tiny_case(folder, name):
    config, storage, latent_sizes, image_sizes = TINY_CASES[name]
    model = randomise(AutoencoderTiny(**config), "taesd/" + name, storage, TINY_GAINS)
    case = Case("taesd", name, model, storage)
    tap = wanted_tiny_tap if name == TINY_TAPPED else None
    # The spread reaches past 3, where the decoder's soft clamp bends.
    case.run(("latent", 4, "image", 2.0), latent_sizes, lambda m, x: m.decode(x).sample, tap)
    case.run(("image", 3, "latent", 0.6), image_sizes, tiny_latents, tap)
    case.save(folder)
    if name == DECODER_ONLY_CASE:
        rewrite_weights(folder / "diffusion_pytorch_model.safetensors", decoder_only, storage)


def make(root):
    for name in KL_CASES:
        make_kl_case(root / "vae" / name, name)
    for name in TINY_CASES:
        make_tiny_case(root / "taesd" / name, name)
