"""Pieces of a training step: tests/goldens/training/."""

import torch
from diffusers import DDIMScheduler, LatentConsistencyModelPipeline, UNet2DConditionModel
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


def muon():
    """Three steps of Muon on a wide and a tall matrix, at steps as long as AdamW's: before,
    gradients, after each; and what its iteration makes of a matrix."""
    draw = generator("training/muon")
    parameters = {
        name: torch.randn(shape, generator=draw).requires_grad_()
        for name, shape in {"wide": (6, 16), "tall": (12, 4)}.items()
    }
    tensors = {f"before.{name}": p.detach().clone() for name, p in parameters.items()}
    optimizer = torch.optim.Muon(
        parameters.values(), weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for step, rate in enumerate((1e-2, 5e-3, 2e-2)):
        for name, p in parameters.items():
            p.grad = torch.randn(p.shape, generator=draw)
            tensors[f"gradient.{step}.{name}"] = p.grad.clone()
        tensors[f"rate.{step}"] = torch.tensor([rate])
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


def student_of(teacher):
    """BK-SDM-Small of a U-Net: one pair a down stage, the first and the last of three pairs an up
    stage, no mid block; its weights are the teacher's."""
    student = UNet2DConditionModel.from_config(dict(teacher.config) | {"layers_per_block": 1, "mid_block_type": None})
    theirs, ours = teacher.state_dict(), {}
    for name in student.state_dict():
        parts = name.split(".")
        if parts[0] == "up_blocks" and parts[2] in ("resnets", "attentions") and parts[3] == "1":
            parts[3] = "2"
        ours[name] = theirs[".".join(parts)]
    student.load_state_dict(ours)
    return student


def outputs_at(unet, modules, *inputs):
    """The network's output, then those of some of its modules."""
    found = {}
    hooks = [
        unet.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: found.update({name: output[0] if isinstance(output, tuple) else output})
        )
        for name in modules
    ]
    output = unet(*inputs).sample
    for hook in hooks:
        hook.remove()
    return output, [found[name] for name in modules]


def distillation_loss(root):
    """The three terms of feature distillation, each by itself, of whole networks."""
    draw = generator("training/distillation")
    teacher = UNet2DConditionModel.from_pretrained(root / "unet" / "sd2").float()
    student = student_of(teacher)
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    clean, noise = (torch.randn(2, 4, 8, 8, generator=draw) for _ in range(2))
    t, states = torch.tensor([150, 870]), torch.randn(2, 77, teacher.config.cross_attention_dim, generator=draw)
    inputs = (scheduler.add_noise(clean, noise, t), t, states)
    with torch.no_grad():
        stages = [f"{side}_blocks.{i}" for side in ("down", "up") for i in range(4)]
        theirs, their_features = outputs_at(teacher, stages, *inputs)
        ours, our_features = outputs_at(student, stages, *inputs)
    mse = torch.nn.functional.mse_loss
    features = sum(mse(a, b) for a, b in zip(our_features, their_features))
    tensors = {"clean": clean, "noise": noise, "t": t, "states": states}
    for name, loss in (("task", mse(ours, noise)), ("output", mse(ours, theirs)), ("features", features)):
        tensors[name] = loss.reshape(1)
    return tensors


def consistency_loss(root):
    """A whole step of latent consistency distillation of whole networks: teacher guided by w and
    solved by DDIM, student with a w embedding, target by another copy of it."""
    draw = generator("training/consistency loss")
    source = root / "pipelines" / "sd" / "unet"
    teacher = UNet2DConditionModel.from_pretrained(source).float()
    student, average = (
        UNet2DConditionModel.from_pretrained(source, time_cond_proj_dim=256, low_cpu_mem_usage=False).float()
        for _ in range(2)
    )
    projection = student.time_embedding.cond_proj.weight
    pattern = 0.1 * torch.sin(torch.arange(projection.numel(), dtype=torch.float32)).reshape(projection.shape)
    a = alphas()
    clean, noise = (torch.randn(3, 4, 8, 8, generator=draw) for _ in range(2))
    states, without = (torch.randn(3, 77, teacher.config.cross_attention_dim, generator=draw) for _ in range(2))
    choices = torch.tensor([[0.01, 0.2], [0.5, 0.9], [0.999, 0.0]])
    begin = (torch.floor(choices[:, 0] * 50).long() + 1) * 20 - 1
    end = torch.clamp(begin - 20, min=0)
    w = 2 + choices[:, 1] * 12
    embedding = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, w, 256)

    def each(values):
        return values.reshape(-1, 1, 1, 1)

    def consistent(unet, z, t):
        noise = unet(z, t, states, timestep_cond=embedding).sample
        clean = (z - each((1 - a[t]).sqrt()) * noise) / each(a[t].sqrt())
        scaled = each(10.0 * t.float())
        return 0.25 / (scaled**2 + 0.25) * z + scaled / torch.sqrt(scaled**2 + 0.25) * clean

    with torch.no_grad():
        for unet, share in ((student, 1.0), (average, 0.9)):
            unet.time_embedding.cond_proj.weight.copy_(pattern)
            for parameter in unet.parameters():
                parameter.mul_(share)
        z = each(a[begin].sqrt()) * clean + each((1 - a[begin]).sqrt()) * noise
        with_text, without_text = teacher(z, begin, states).sample, teacher(z, begin, without).sample
        guided = with_text + each(w) * (with_text - without_text)
        seen = (z - each((1 - a[begin]).sqrt()) * guided) / each(a[begin].sqrt())
        below = each(a[end].sqrt()) * seen + each((1 - a[end]).sqrt()) * guided
        target, output = consistent(average, below, end), consistent(student, z, begin)
    huber = (torch.sqrt((output - target) ** 2 + 0.001**2) - 0.001).mean()
    return {"clean": clean, "noise": noise, "states": states, "without": without, "choices": choices,
            "target": target, "output": output, "huber": huber.reshape(1),
            "squared": ((output - target) ** 2).mean().reshape(1)}


def make(root):
    folder = root / "training"
    folder.mkdir(exist_ok=True)
    save_file(diffusion_terms(), folder / "diffusion.safetensors")
    save_file(consistency_terms(), folder / "consistency.safetensors")
    save_file(adamw(), folder / "adamw.safetensors")
    save_file(muon(), folder / "muon.safetensors")
    save_file(distillation_loss(root), folder / "distillation_loss.safetensors")
    save_file(consistency_loss(root), folder / "consistency_loss.safetensors")
