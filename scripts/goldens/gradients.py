"""Gradients of the small networks under tests/goldens: gradients.safetensors beside each golden.

The loss is the mean of the squares of the output for the inputs of size 0, or the sum of those of
several outputs. For each parameter "<role>.<name in the weight file>" holds the length of its gradient
and its product with sin(1), sin(2), ... in the order of its elements; "<role>:largest" the largest
length.
"""

import json
import re

import torch
import transformers
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import BertModel

from goldens.autoencoders import (
    OLD_NAMES_CASE,
    kl_mean,
    tiny_latents,
    with_old_attention_names,
)
from goldens.text_encoders import clip_outputs


def measured(gradient):
    flat = gradient.double().flatten()
    pattern = torch.sin(torch.arange(1, flat.numel() + 1, dtype=torch.float64))
    return torch.stack([flat.norm(), (flat * pattern).sum()]).float()


def gradients(role, model, output):
    return gradients_of_loss(role, model, output.square().mean())


def gradients_of_loss(role, model, loss):
    """{"<role>.<parameter>": [length, product]} of the parameters that the loss depends on."""
    model.zero_grad()
    loss.backward()
    found = {
        f"{role}.{name}": measured(parameter.grad)
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    found[role + ":largest"] = torch.stack([value[0] for value in found.values()]).max().reshape(1)
    return found


def inputs_of(folder):
    tensors = load_file(folder / "golden.safetensors")
    return {name[5:]: value for name, value in tensors.items() if name.startswith("in.0.")}


def load(kind, folder):
    return kind.from_pretrained(folder, torch_dtype=torch.float32, low_cpu_mem_usage=False).train()


def unet(folder):
    model = load(UNet2DConditionModel, folder)
    return gradients("unet", model, model(**inputs_of(folder)).sample)


def autoencoder(folder, kind, encode):
    model, inputs = load(kind, folder), inputs_of(folder)
    found = gradients("vae_decoder", model, model.decode(inputs["latent"]).sample)
    if "image" in inputs:
        found |= gradients("vae_encoder", model, encode(model, inputs["image"]))
    return found


def text_outputs(model, inputs):
    """All of run 0 but the state of an inner layer."""
    if not isinstance(model, BertModel):
        outputs = clip_outputs(model, inputs["input_ids"])
        return [value for name, value in outputs.items() if name != "clip_skip_1"]
    # PyTorch gives the row of the padding token no gradient; here it is a parameter like any other.
    model.embeddings.word_embeddings.padding_idx = None
    return [model(**inputs).last_hidden_state]


def text_encoder(folder):
    (architecture,) = json.loads((folder / "config.json").read_text())["architectures"]
    model = getattr(transformers, architecture).from_pretrained(folder, dtype=torch.float32).eval()
    loss = sum(value.square().mean() for value in text_outputs(model, inputs_of(folder)))
    found = gradients_of_loss("text_encoder", model, loss)
    if "text_model.final_layer_norm.weight" not in load_file(folder / "model.safetensors"):
        return found
    return {published_name(name): value for name, value in found.items()}


def published_name(name):
    return re.sub(r"^text_encoder\.(?!text_)", "text_encoder.text_model.", name)


def make(root):
    for folder in sorted((root / "unet").iterdir()):
        save_file(unet(folder), folder / "gradients.safetensors")
    kinds = {"vae": (AutoencoderKL, kl_mean), "taesd": (AutoencoderTiny, tiny_latents)}
    for name, (kind, encode) in kinds.items():
        for folder in sorted((root / name).iterdir()):
            found = autoencoder(folder, kind, encode)
            if folder.name == OLD_NAMES_CASE:
                found = with_old_attention_names(found)
            save_file(found, folder / "gradients.safetensors")
    for folder in sorted((root / "text_encoder").iterdir()):
        save_file(text_encoder(folder), folder / "gradients.safetensors")
