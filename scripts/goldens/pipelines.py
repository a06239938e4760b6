"""Whole runs: tests/goldens/pipelines/<model>/golden.<case>.{json,safetensors}."""

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
)

from goldens import small_pipelines
from goldens.networks import save_golden, write_json

# Names as on our command line.
SCHEDULERS = {
    "pndm": PNDMScheduler,
    "lcm": LCMScheduler,
    "ddim": DDIMScheduler,
    "euler": EulerDiscreteScheduler,
    "dpmpp2m": DPMSolverMultistepScheduler,
}
DEFAULTS = dict(
    prompt="a red fox in the morning",
    negative_prompt=None,
    steps=4,
    guidance_scale=1.0,
    seed=1234,
    width=64,
    height=64,
    batch=1,
)
GUIDED = dict(guidance_scale=7.5, negative_prompt="fog, blur")
CASES = {
    "sd": {
        "pndm": dict(scheduler="pndm", steps=8, guidance_scale=7.5),
        "ddim": dict(scheduler="ddim", steps=6, **GUIDED),
        "euler": dict(scheduler="euler", steps=6, **GUIDED),
        "dpmpp2m": dict(scheduler="dpmpp2m", steps=7, **GUIDED),
        "lcm1": dict(scheduler="lcm", steps=1),
        "lcm2": dict(scheduler="lcm", steps=2),
        "lcm4": dict(scheduler="lcm", steps=4, prompt=""),
        "lcm4_guided": dict(
            scheduler="lcm", steps=4, guidance_scale=2.0, negative_prompt="red", seed=7
        ),
        "odd_size": dict(scheduler="ddim", steps=3, width=104, height=72, **GUIDED),
        "batch": dict(scheduler="lcm", steps=2, batch=2, seed=99),
        "batch_guided": dict(scheduler="euler", steps=3, batch=2, width=72, **GUIDED),
    },
    "lcm_w": {
        "lcm1": dict(scheduler="lcm", steps=1, guidance_scale=8.5),
        "lcm2": dict(scheduler="lcm", steps=2, guidance_scale=8.5),
        "lcm4": dict(scheduler="lcm", steps=4, guidance_scale=3.0, width=72, height=104),
        "lcm8": dict(scheduler="lcm", steps=8, guidance_scale=8.5, seed=0),
        "batch": dict(scheduler="lcm", steps=2, guidance_scale=8.5, batch=2),
    },
    "v_zero_snr": {
        "ddim": dict(scheduler="ddim", steps=5, **GUIDED),
        "euler": dict(scheduler="euler", steps=5, **GUIDED),
        "lcm2": dict(scheduler="lcm", steps=2),
    },
}


def initial_noise(case):
    draw = torch.Generator("cpu").manual_seed(case["seed"])
    shape = (case["batch"], 4, case["height"] // 8, case["width"] // 8)
    return torch.randn(shape, generator=draw)


def text_tensors(pipe, case):
    """Ids and states of the prompt and, where guidance uses it, of the negative prompt."""
    texts = {"prompt": case["prompt"]}
    if case["guidance_scale"] > 1 and not pipe.unet.config.time_cond_proj_dim:
        texts["negative_prompt"] = case["negative_prompt"] or ""
    tensors = {}
    for name, text in texts.items():
        ids = pipe.tokenizer(
            text, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
        ).input_ids
        tensors[f"{name}.input_ids"] = ids
        tensors[f"{name}.states"] = pipe.text_encoder(ids).last_hidden_state
    return tensors


def decoded(pipe, latents):
    """f32 [N,3,H,W] in [0,1], as pipelines hand pictures on."""
    image = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
    return (image / 2 + 0.5).clamp(0, 1)


@torch.no_grad()
def run_case(pipe, case):
    tensors = text_tensors(pipe, case)
    tensors["noise"] = initial_noise(case)
    timesteps = []

    def keep(_pipe, step, timestep, values):
        timesteps.append(float(timestep))
        tensors[f"latents.{step + 1}"] = values["latents"].clone()
        return values

    arguments = dict(
        prompt=case["prompt"],
        num_inference_steps=case["steps"],
        guidance_scale=case["guidance_scale"],
        width=case["width"],
        height=case["height"],
        num_images_per_prompt=case["batch"],
        generator=torch.Generator("cpu").manual_seed(case["seed"]),
        output_type="latent",
        callback_on_step_end=keep,
    )
    if case["negative_prompt"] is not None:
        arguments["negative_prompt"] = case["negative_prompt"]
    tensors["latents"] = pipe(**arguments).images
    image = decoded(pipe, tensors["latents"])
    tensors["image"] = image
    tensors["image_u8"] = (image * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return tensors, timesteps


def make_model(folder, name):
    pipe = small_pipelines.build(name, folder)
    own = pipe.scheduler
    for case_name, settings in CASES[name].items():
        case = {**DEFAULTS, **settings}
        scheduler_class = SCHEDULERS[case["scheduler"]]
        is_default = isinstance(own, scheduler_class)
        pipe.scheduler = own if is_default else scheduler_class.from_config(own.config)
        tensors, timesteps = run_case(pipe, case)
        notes = dict(
            scheduler_is_default=is_default,
            prediction_type=pipe.scheduler.config.prediction_type,
            timestep_spacing=pipe.scheduler.config.timestep_spacing,
            timesteps=timesteps,
        )
        write_json(folder / f"golden.{case_name}.json", {**case, **notes})
        save_golden(folder / f"golden.{case_name}.safetensors", tensors)


def make(root):
    for name in CASES:
        make_model(root / "pipelines" / name, name)
