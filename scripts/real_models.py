"""Random models of published architectures at their real size, and their inputs for 512x512.

Used by parity_real_shapes.py and bench_peers.py. The configs lie in scripts/configs.
"""

import json
import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    LCMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from goldens import small_pipelines
from goldens.autoencoders import KL_GAINS, TINY_GAINS
from goldens.fit import fit_last_layer
from goldens.networks import generator, randomise
from goldens.small_pipelines import UNET_GAINS
from goldens.text_encoders import GAINS as TEXT_GAINS

CONFIGS = Path(__file__).resolve().parent / "configs"
LATENT, PIXELS, TOKENS = 64, 512, 77
BEGIN, END = 49406, 49407
CLASSES = {
    "bk-sdm-tiny": (UNet2DConditionModel, UNET_GAINS),
    "sd15": (UNet2DConditionModel, UNET_GAINS),
    "clip-vit-l-14": (CLIPTextModel, TEXT_GAINS),
    "vae": (AutoencoderKL, KL_GAINS),
    "taesd": (AutoencoderTiny, TINY_GAINS),
}


def make_model(name):
    """The architecture with the library's own initial weights."""
    config = json.loads((CONFIGS / name / "config.json").read_text())
    kind = CLASSES[name][0]
    if kind is CLIPTextModel:
        return CLIPTextModel(CLIPTextConfig(**config)).eval()
    return kind.from_config(config).eval()


def make_random_model(name):
    """The same with every parameter drawn; the values are exact in f16, the arithmetic is f32."""
    model = make_model(name)
    return randomise(model, "real/" + name, "f16", CLASSES[name][1])


def write_pipeline(folder):
    """BK-SDM-Tiny, CLIP-L and TAESD in one folder; the vocabulary is the small one of the goldens."""
    shutil.rmtree(folder, ignore_errors=True)
    small_pipelines.write_tokenizer(folder / "tokenizer")
    scheduler = LCMScheduler(**small_pipelines.BETAS)
    unet = make_random_model("bk-sdm-tiny")
    fit_last_layer(unet, scheduler, "real/pipeline", "f16", size=(6, 48, 48))
    decoder = small_pipelines.inside_picture_range(make_random_model("taesd"))
    pipe = StableDiffusionPipeline(
        vae=decoder,
        text_encoder=make_random_model("clip-vit-l-14"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    small_pipelines.save(pipe, folder)


def unet_inputs(name):
    draw = generator("real/inputs/" + name)
    return {
        "sample": torch.randn(1, 4, LATENT, LATENT, generator=draw),
        "timestep": torch.tensor([499.0]),
        "encoder_hidden_states": torch.randn(1, TOKENS, 768, generator=draw),
    }


def text_inputs():
    draw = generator("real/inputs/text")
    ids = torch.full((1, TOKENS), END, dtype=torch.int64)
    ids[0, 0] = BEGIN
    ids[0, 1:20] = torch.randint(0, BEGIN, (19,), generator=draw)
    return {"input_ids": ids}


def latent_inputs():
    shape = (1, 4, LATENT, LATENT)
    return {"latent": torch.randn(shape, generator=generator("real/inputs/latent"))}


def image_inputs():
    """Smooth shapes with some grain, -1 to 1, like a picture more than like noise."""
    draw = generator("real/inputs/image")
    coarse = torch.randn(1, 3, 16, 16, generator=draw)
    smooth = torch.nn.functional.interpolate(coarse, (PIXELS, PIXELS), mode="bicubic")
    grain = torch.randn(1, 3, PIXELS, PIXELS, generator=draw)
    return {"image": (0.5 * smooth + 0.1 * grain).clamp(-1, 1)}


def unet_output(model, inputs):
    return model(**inputs).sample


def text_output(model, inputs):
    return model(**inputs).last_hidden_state


def decoder_output(model, inputs):
    return model.decode(inputs["latent"]).sample


def encoder_output(model, inputs):
    encoded = model.encode(inputs["image"])
    return encoded.latents if isinstance(model, AutoencoderTiny) else encoded.latent_dist.mean


# network on the command line: (name of its output, how torch computes it)
RUNS = {
    "unet": ("out_sample", unet_output),
    "text_encoder": ("last_hidden_state", text_output),
    "vae_decoder": ("image", decoder_output),
    "vae_encoder": ("latent", encoder_output),
}


def inputs_of(network, name):
    if network == "unet":
        return unet_inputs(name)
    return {
        "text_encoder": text_inputs,
        "vae_decoder": latent_inputs,
        "vae_encoder": image_inputs,
    }[network]()
