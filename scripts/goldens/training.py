"""Pieces of a training step: tests/goldens/training/."""

import torch
from diffusers import DDIMScheduler
from diffusers.training_utils import compute_snr
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


def alphas():
    """Stable Diffusion's schedule, from diffusers."""
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    return scheduler.alphas_cumprod


def diffusion_terms():
    """Noised samples, targets, weights and losses of both prediction types, by diffusers' own
    add_noise and get_velocity and its training script's weights (gamma 5)."""
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    draw = generator("training/diffusion")
    clean, noise, output = (torch.randn(3, 4, 2, 5, generator=draw) for _ in range(3))
    t = torch.tensor([0, 499, 999])
    snr = compute_snr(scheduler, t)
    capped = torch.stack([snr, 5.0 * torch.ones_like(snr)], dim=1).min(dim=1)[0]
    targets = {"epsilon": noise, "v_prediction": scheduler.get_velocity(clean, noise, t)}
    weights = {"epsilon": capped / snr, "v_prediction": capped / (snr + 1)}
    tensors = {"clean": clean, "noise": noise, "output": output, "t": t, "alphas": alphas()}
    tensors["noised"] = scheduler.add_noise(clean, noise, t)
    for kind, target in targets.items():
        errors = torch.nn.functional.mse_loss(output, target, reduction="none")
        tensors[kind + ".target"] = target.clone()
        tensors[kind + ".weights"] = weights[kind]
        loss = errors.mean(dim=[1, 2, 3]) * weights[kind]
        tensors[kind + ".loss"] = loss.mean().reshape(1)
    return tensors


def consistency_terms():
    """A step of latent consistency distillation, written down from the paper in double precision:
    guided teacher, DDIM step, boundary conditions, pseudo-Huber loss."""
    a = alphas().double()
    draw = generator("training/consistency")
    shape = (4, 4, 3, 2)
    z, with_text, without, student, average = (
        torch.randn(shape, generator=draw, dtype=torch.float64) for _ in range(5)
    )
    index, w = torch.tensor([0, 1, 24, 49]), torch.tensor([2.0, 5.5, 8.0, 14.0], dtype=torch.float64)
    begin, end = (index + 1) * 20 - 1, torch.clamp(index * 20 - 1, min=0)

    def each(values):
        return values.reshape(-1, 1, 1, 1)

    def boundary(clean, z, t):
        scaled = each(10.0 * t.double())
        return 0.25 / (scaled**2 + 0.25) * z + scaled / torch.sqrt(scaled**2 + 0.25) * clean

    tensors = {"z": z, "conditional": with_text, "unconditional": without, "student": student,
               "average": average, "index": index, "w": w}
    for kind in ("epsilon", "v_prediction"):
        def clean_and_noise(output, z, t, kind=kind):
            s, n = each(a[t].sqrt()), each((1 - a[t]).sqrt())
            if kind == "epsilon":
                return (z - n * output) / s, output
            return s * z - n * output, s * output + n * z

        views = zip(clean_and_noise(with_text, z, begin), clean_and_noise(without, z, begin))
        clean, noise = (c + each(w) * (c - u) for c, u in views)
        below = each(a[end].sqrt()) * clean + each((1 - a[end]).sqrt()) * noise
        output = boundary(clean_and_noise(student, z, begin)[0], z, begin)
        target = boundary(clean_and_noise(average, below, end)[0], below, end)
        tensors[kind + ".below"] = below
        tensors[kind + ".output"] = output
        tensors[kind + ".target"] = target.clone()
        huber = torch.sqrt((output - target) ** 2 + 0.001**2) - 0.001
        tensors[kind + ".loss"] = huber.mean().reshape(1)
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def make(root):
    folder = root / "training"
    folder.mkdir(exist_ok=True)
    save_file(diffusion_terms(), folder / "diffusion.safetensors")
    save_file(consistency_terms(), folder / "consistency.safetensors")
    save_file(adamw(), folder / "adamw.safetensors")
