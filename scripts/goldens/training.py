"""Pieces of a training step: tests/goldens/training/."""

import torch
from safetensors.torch import save_file

from goldens.networks import generator

RATES = (1e-2, 5e-3, 0.0, 2e-2, 1e-3)


def adamw():
    """Five steps of AdamW with gradients clipped to length 1: before, gradients, after each."""
    draw = generator("training/adamw")
    parameters = {
        name: torch.randn(shape, generator=draw).requires_grad_()
        for name, shape in {"matrix": (3, 4), "vector": (5,)}.items()
    }
    tensors = {f"before.{name}": p.detach().clone() for name, p in parameters.items()}
    optimizer = torch.optim.AdamW(parameters.values(), betas=(0.9, 0.99), weight_decay=0.05)
    for step, rate in enumerate(RATES):
        for name, p in parameters.items():
            p.grad = torch.randn(p.shape, generator=draw) * (0.1 if step == 1 else 3.0)
            tensors[f"gradient.{step}.{name}"] = p.grad.clone()
        tensors[f"rate.{step}"] = torch.tensor([rate])
        tensors[f"length.{step}"] = torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0).reshape(1)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        tensors |= {f"after.{step}.{name}": p.detach().clone() for name, p in parameters.items()}
    return tensors


def make(root):
    folder = root / "training"
    folder.mkdir(exist_ok=True)
    save_file(adamw(), folder / "adamw.safetensors")
