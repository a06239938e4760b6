"""Whole text-to-image models small enough to keep in the tree, in the layout of published ones."""

import json
import shutil

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from goldens.autoencoders import KL_GAINS, TINY_GAINS, kl_stages, tiny_stages
from goldens.fit import fit_last_layer
from goldens.networks import randomise, rewrite_weights, write_json
from goldens.text_encoders import CLIP, GAINS, published_names

BETAS = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
MERGES = ["r e", "re d</w>", "f o", "fo x</w>", "t h", "th e</w>", "i n", "in g</w>", "o r", "a n"]
BEGIN_TEXT, END_TEXT = "<|startoftext|>", "<|endoftext|>"

UNET = dict(
    block_out_channels=(16, 24),
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    mid_block_type=None,
    layers_per_block=1,
    norm_num_groups=8,
    attention_head_dim=4,
    cross_attention_dim=32,
    sample_size=8,
)
# The keys that published SD1 files have. What is missing is each scheduler's own default: a model
# that leaves `timestep_spacing` out runs "leading" under PNDM and "linspace" under Euler.
PUBLISHED_PNDM = dict(
    _class_name="PNDMScheduler",
    **BETAS,
    num_train_timesteps=1000,
    set_alpha_to_one=False,
    skip_prk_steps=True,
    steps_offset=1,
    trained_betas=None,
    clip_sample=False,
)
# A strong first layer: its skip connection carries what the fit of the last layer needs.
UNET_GAINS = {"to_q": 1.5, "cond_proj": 2.0, "conv_in": 3.0}
# name: (pipeline class, U-Net additions, decoder kind, scheduler)
MODELS = {
    "sd": (
        StableDiffusionPipeline,
        dict(mid_block_type="UNetMidBlock2DCrossAttn"),
        "kl",
        lambda: PNDMScheduler.from_config(PUBLISHED_PNDM),
    ),
    "lcm_w": (
        LatentConsistencyModelPipeline,
        dict(time_cond_proj_dim=32),
        "tiny",
        lambda: LCMScheduler(**BETAS),
    ),
    "v_zero_snr": (
        StableDiffusionPipeline,
        dict(use_linear_projection=True),
        "tiny",
        lambda: DDIMScheduler(
            **BETAS,
            steps_offset=1,
            clip_sample=False,
            set_alpha_to_one=False,
            prediction_type="v_prediction",
            rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
        ),
    ),
}


def byte_symbols():
    """The printable character that stands for each byte, in the order of published vocabularies."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + i) for i in range(len(hidden))]


def write_tokenizer(folder):
    """The small vocabulary: bytes, bytes that end a word, a few merges, begin and end."""
    symbols = byte_symbols()
    words = symbols + [s + "</w>" for s in symbols]
    words += [merge.replace(" ", "") for merge in MERGES] + [BEGIN_TEXT, END_TEXT]
    folder.mkdir(parents=True)
    write_json(folder / "vocab.json", {word: index for index, word in enumerate(words)})
    merges = "\n".join(["#version: 0.2", *MERGES]) + "\n"
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    special = {"bos_token": BEGIN_TEXT}
    special.update(dict.fromkeys(("eos_token", "unk_token", "pad_token"), END_TEXT))
    write_json(folder / "special_tokens_map.json", special)
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True}
    write_json(folder / "tokenizer_config.json", {**config, "add_prefix_space": False, **special})
    return len(words)


def text_encoder(name, vocabulary):
    config = dict(CLIP, vocab_size=vocabulary, num_hidden_layers=2, hidden_act="quick_gelu")
    config.update(bos_token_id=0, eos_token_id=2)
    return randomise(CLIPTextModel(CLIPTextConfig(**config)), name + "/text", "f16", GAINS)


def inside_picture_range(tiny):
    """Tames the last layer of an AutoencoderTiny: most of the picture then lies inside [0, 1]."""
    last = tiny.decoder.layers[-1]
    last.weight.data = (0.2 * last.weight).half().float()
    last.bias.data.fill_(0.5)
    return tiny


def autoencoder(name, kind):
    if kind == "kl":
        model = AutoencoderKL(**dict(kl_stages((8, 8, 16, 16)), layers_per_block=1))
        return randomise(model, name + "/vae", "f16", KL_GAINS)
    model = AutoencoderTiny(**tiny_stages(12, (1, 1, 1, 1), (1, 1, 1, 1)))
    return inside_picture_range(randomise(model, name + "/vae", "f16", TINY_GAINS))


def build(name, folder):
    """Writes the model to `folder` and gives the pipeline read back from there, for f32 arithmetic.

    Read back because the files decide: a scheduler made in memory forgets which settings are its
    own and which are defaults, and another one made from it may step differently.
    """
    pipeline_class, additions, decoder, make_scheduler = MODELS[name]
    shutil.rmtree(folder, ignore_errors=True)
    vocabulary = write_tokenizer(folder / "tokenizer")
    scheduler = make_scheduler()
    label = "pipelines/" + name
    unet = UNet2DConditionModel(**{**UNET, **additions})
    unet = randomise(unet, label + "/unet", "f16", UNET_GAINS)
    fit_last_layer(unet, scheduler, label, "f16")
    parts = dict(
        vae=autoencoder(label, decoder),
        text_encoder=text_encoder(label, vocabulary),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    save(pipeline_class(**parts), folder)
    pipe = pipeline_class.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def save(pipe, folder):
    pipe.to(torch.float16).save_pretrained(folder)
    rewrite_weights(folder / "text_encoder" / "model.safetensors", published_names, "f16")
    # The library also writes its own tokenizer files; published models have the four older ones.
    shutil.rmtree(folder / "tokenizer")
    write_tokenizer(folder / "tokenizer")
    if isinstance(pipe.scheduler, PNDMScheduler):
        write_json(folder / "scheduler" / "scheduler_config.json", PUBLISHED_PNDM)
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "CLIPTokenizer"]
    write_json(folder / "model_index.json", index)
