"""U-Net goldens: tests/goldens/unet/<case>/. Shapes are small; layouts are those of published models."""

import torch
from diffusers import UNet2DConditionModel

from goldens.networks import Taps, generator, randomise, save_golden, save_model

CROSS_DOWN, PLAIN_DOWN = "CrossAttnDownBlock2D", "DownBlock2D"
CROSS_UP, PLAIN_UP = "CrossAttnUpBlock2D", "UpBlock2D"
MID = "UNetMidBlock2DCrossAttn"

# Never as many norm groups as channels: a group of one channel cancels the time embedding, and the
# case would pass without it.
FOUR_STAGES = dict(
    block_out_channels=(16, 16, 16, 24),
    down_block_types=(CROSS_DOWN, CROSS_DOWN, CROSS_DOWN, PLAIN_DOWN),
    up_block_types=(PLAIN_UP, CROSS_UP, CROSS_UP, CROSS_UP),
    norm_num_groups=8,
    attention_head_dim=2,
    cross_attention_dim=24,
    mid_block_type=MID,
)
THREE_STAGES = dict(
    block_out_channels=(16, 16, 24),
    down_block_types=(CROSS_DOWN,) * 3,
    up_block_types=(CROSS_UP,) * 3,
    norm_num_groups=8,
    attention_head_dim=4,
    cross_attention_dim=32,
    mid_block_type=None,
    layers_per_block=1,
)

# A size is (height, width, batch, timesteps, text tokens); one timestep serves a whole batch.
SQUARE = (16, 16, 1, [999], 77)
WIDE = (24, 40, 1, [499], 77)
ODD_PAIR = (15, 13, 2, [759, 19], 77)
NARROW = (9, 23, 1, [0], 13)
SHARED_STEP = (8, 16, 2, [259], 24)
TAPPED = (8, 12, 2, [999, 499], 20)

# name: (config, storage, sizes). The tapped case lists its tapped size first.
CASES = {
    "sd1": (dict(FOUR_STAGES, layers_per_block=2), "f16", [SQUARE, WIDE, ODD_PAIR]),
    "sd2": (
        dict(
            FOUR_STAGES,
            layers_per_block=2,
            attention_head_dim=[2, 4, 1, 6],
            use_linear_projection=True,
            upcast_attention=True,
            cross_attention_dim=32,
        ),
        "bf16",
        [SQUARE, NARROW, ODD_PAIR],
    ),
    "bk_base": (dict(FOUR_STAGES, layers_per_block=1), "f16", [SQUARE, NARROW, SHARED_STEP]),
    "bk_small": (
        dict(FOUR_STAGES, layers_per_block=1, mid_block_type=None),
        "f16",
        [SQUARE, ODD_PAIR],
    ),
    "bk_tiny": (
        dict(THREE_STAGES, block_out_channels=(24, 24, 24)),
        "f16",
        [TAPPED, SQUARE, WIDE, ODD_PAIR],
    ),
    "bk_v2_tiny": (
        dict(THREE_STAGES, use_linear_projection=True, attention_head_dim=[2, 4, 4]),
        "f16",
        [SQUARE, NARROW, ODD_PAIR],
    ),
    "lcm": (
        dict(FOUR_STAGES, layers_per_block=1, time_cond_proj_dim=256),
        "f16",
        [SQUARE, ODD_PAIR],
    ),
    "plain_first": (
        dict(
            THREE_STAGES,
            down_block_types=(PLAIN_DOWN, CROSS_DOWN, CROSS_DOWN),
            up_block_types=(CROSS_UP, CROSS_UP, PLAIN_UP),
        ),
        "f16",
        [SQUARE, WIDE, NARROW],
    ),
    "plain_between": (
        dict(
            THREE_STAGES,
            down_block_types=(CROSS_DOWN, PLAIN_DOWN, CROSS_DOWN),
            up_block_types=(PLAIN_UP, CROSS_UP, PLAIN_UP),
            mid_block_type=MID,
        ),
        "f16",
        [SQUARE, ODD_PAIR],
    ),
    "plain_only": (
        dict(
            THREE_STAGES,
            block_out_channels=(16, 24),
            down_block_types=(PLAIN_DOWN,) * 2,
            up_block_types=(PLAIN_UP,) * 2,
        ),
        "f32",
        [SQUARE, NARROW],
    ),
    "time_variants": (
        dict(
            THREE_STAGES,
            flip_sin_to_cos=False,
            freq_shift=1,
            norm_eps=1e-3,
            norm_num_groups=4,
            attention_head_dim=[2, 8, 3],
        ),
        "f16",
        [SQUARE, SHARED_STEP],
    ),
    "uneven_depths": (
        dict(
            THREE_STAGES,
            block_out_channels=(16, 24),
            down_block_types=(CROSS_DOWN, PLAIN_DOWN),
            up_block_types=(PLAIN_UP, CROSS_UP),
            layers_per_block=[1, 2],
            mid_block_type=MID,
        ),
        "f16",
        [SQUARE, ODD_PAIR],
    ),
    "deep_transformers": (
        dict(
            THREE_STAGES,
            block_out_channels=(16, 24),
            down_block_types=(PLAIN_DOWN, CROSS_DOWN),
            up_block_types=(CROSS_UP, PLAIN_UP),
            transformer_layers_per_block=2,
            use_linear_projection=True,
            mid_block_type=MID,
        ),
        "f16",
        [SQUARE, NARROW],
    ),
    "inpaint": (
        dict(FOUR_STAGES, layers_per_block=1, in_channels=9),
        "f16",
        [SQUARE, ODD_PAIR],
    ),
}
TAPPED_CASE = "bk_tiny"
WHOLE_TIMESTEPS_CASE = "sd1"  # its timesteps are int64, as pipelines pass them

TAPPED_CLASSES = {
    "ResnetBlock2D",
    "Transformer2DModel",
    "BasicTransformerBlock",
    "Attention",
    "FeedForward",
    "Downsample2D",
    "Upsample2D",
    "TimestepEmbedding",
    "CrossAttnDownBlock2D",
    "CrossAttnUpBlock2D",
}


def wanted_tap(name, module):
    return type(module).__name__ in TAPPED_CLASSES or name in ("conv_in", "conv_norm_out", "conv_out")


def inputs_for(name, index, config, size):
    height, width, batch, steps, tokens = size
    draw = generator(f"{name}/{index}")
    step_type = torch.int64 if name == WHOLE_TIMESTEPS_CASE else torch.float32
    inputs = {
        "sample": torch.randn(batch, config.in_channels, height, width, generator=draw),
        "timestep": torch.tensor(steps, dtype=step_type),
        "encoder_hidden_states": torch.randn(
            batch, tokens, config.cross_attention_dim, generator=draw
        ),
    }
    if config.time_cond_proj_dim:
        inputs["timestep_cond"] = torch.randn(batch, config.time_cond_proj_dim, generator=draw)
    return inputs


def build(name, config, storage):
    model = UNet2DConditionModel(sample_size=16, **config)
    return randomise(model, "unet/" + name, storage, gains={"to_q": 1.5, "cond_proj": 2.0})


@torch.no_grad()
def make_case(folder, name, config, storage, sizes):
    model = build(name, config, storage)
    tensors = {}
    for index, size in enumerate(sizes):
        inputs = inputs_for(name, index, model.config, size)
        taps = Taps(model, wanted_tap) if name == TAPPED_CASE and index == 0 else None
        out = model(**inputs).sample
        if taps:
            tensors.update(taps.take())
        tensors.update({f"in.{index}.{k}": v for k, v in inputs.items()})
        tensors[f"out.{index}.out_sample"] = out
    save_model(folder, model, storage)
    save_golden(folder / "golden.safetensors", tensors)


def make(root):
    for name, (config, storage, sizes) in CASES.items():
        make_case(root / "unet" / name, name, config, storage, sizes)
