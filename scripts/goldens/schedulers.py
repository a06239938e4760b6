"""Scheduler goldens: tests/goldens/schedulers/<scheduler>.json, walks of diffusers schedulers.

The network of a walk is a formula, evaluated in f64 from the f32 model input and rounded to f32:
  model_output[j] = 0.3 * model_input[j] + 0.2 * sin(0.01 * timestep) + 0.05 * cos(j)
Values are NCHW; noise for the start is torch.randn with seed 1, noise of the steps comes from a
generator with seed 2, the clean latents of image to image are 0.5 * cos(0.7 * j).
"""

import json
import warnings

import diffusers
import numpy as np
import torch

SHAPE = (1, 4, 2, 3)
STEPS = (1, 2, 4, 8, 20)
SPACINGS = ("linspace", "leading", "trailing")
SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
TYPES = ("epsilon", "v_prediction")
COUNT = int(np.prod(SHAPE))


def network(x, t):
    j = np.arange(COUNT)
    y = 0.3 * x.numpy().ravel().astype(float) + 0.2 * np.sin(0.01 * float(t)) + 0.05 * np.cos(j)
    return torch.from_numpy(y.astype(np.float32)).reshape(x.shape)


def digits(values):
    """The shortest text that gives the same float32."""
    return [float(str(np.float32(v))) for v in np.asarray(values, np.float32).ravel()]


def start_walk(scheduler, case):
    """Timesteps that are run and the sample before the first, as the pipelines of diffusers do."""
    noise = torch.randn(SHAPE, generator=torch.Generator("cpu").manual_seed(1))
    steps, strength = case["steps"], case.get("strength", 1.0)
    if isinstance(scheduler, diffusers.LCMScheduler):
        scheduler.set_timesteps(
            steps, original_inference_steps=case.get("original_steps"), strength=strength
        )
        timesteps = scheduler.timesteps
    else:
        scheduler.set_timesteps(steps)
        skipped = max(steps - min(int(steps * strength), steps), 0)
        timesteps = scheduler.timesteps[skipped:]
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(skipped)
    clean = torch.from_numpy((0.5 * np.cos(0.7 * np.arange(COUNT))).astype(np.float32))
    noised = scheduler.add_noise(clean.reshape(SHAPE), noise, timesteps[:1])
    sample = noised if strength < 1 else noise * scheduler.init_noise_sigma
    return timesteps, noised, sample


def walk(cls, case):
    scheduler = cls.from_config(case["config"])
    timesteps, noised, sample = start_walk(scheduler, case)
    extra = {}
    if cls not in (diffusers.PNDMScheduler,):
        extra["generator"] = torch.Generator("cpu").manual_seed(2)
    if "eta" in case:
        extra["eta"] = case["eta"]
    samples = []
    for t in timesteps:
        model_input = scheduler.scale_model_input(sample, t)
        sample = scheduler.step(network(model_input, t), t, sample, **extra).prev_sample
        samples += digits(sample)
    return dict(
        case,
        timesteps=digits(timesteps),
        init_noise_sigma=digits([scheduler.init_noise_sigma])[0],
        noised=digits(noised),
        samples=samples,
    )


def grid(config, spacings=SPACINGS, steps=STEPS, types=TYPES):
    return [
        {"config": {**config, "prediction_type": p, "timestep_spacing": s}, "steps": n}
        for p in types
        for s in spacings
        for n in steps
    ]


def cases():
    sd = {**SD, "clip_sample": False, "set_alpha_to_one": False}
    zero = {**sd, "rescale_betas_zero_snr": True, "prediction_type": "v_prediction",
            "timestep_spacing": "trailing"}
    karras = {**SD, "use_karras_sigmas": True}
    strength = [{"config": SD, "steps": n, "strength": s} for n, s in ((4, 0.5), (8, 0.3), (20, 0.75))]
    zero_walks = [{"config": zero, "steps": n} for n in (1, 4, 8)]
    linear = [{"config": {}, "steps": 4}]
    cosine = [{"config": {"beta_schedule": "squaredcos_cap_v2"}, "steps": 8}]
    trained = [{"config": {"num_train_timesteps": 40, "trained_betas":
                           [round(0.005 + 0.004 * i, 6) for i in range(40)]}, "steps": 5}]
    shared = strength + zero_walks + linear + cosine + trained
    clipped = [{"config": {**SD, "clip_sample": True, "clip_sample_range": 0.7}, "steps": 4},
               {"config": {**SD, "thresholding": True, "sample_max_value": 1.2,
                           "dynamic_thresholding_ratio": 0.8}, "steps": 4}]
    sample = [{"config": {**SD, "prediction_type": "sample"}, "steps": 4}]
    yield "lcm", diffusers.LCMScheduler, (
        grid({}, ["leading"], (1, 2, 3, 4, 6, 8, 20, 50)) + strength + zero_walks + linear + cosine
        + clipped + sample
        + [{"config": {"timestep_scaling": 0.002}, "steps": 4},
           {"config": {"original_inference_steps": 25}, "steps": 7},
           {"config": {}, "steps": 8, "original_steps": 100}]
    )
    yield "ddim", diffusers.DDIMScheduler, (
        grid(sd) + shared + clipped + sample
        + [{"config": sd, "steps": n, "eta": e} for n, e in ((4, 1.0), (8, 0.3))]
    )
    yield "euler", diffusers.EulerDiscreteScheduler, (
        grid(SD) + shared + sample
        + [{"config": {**SD, "interpolation_type": "log_linear"}, "steps": 4},
           {"config": {**SD, "final_sigmas_type": "sigma_min"}, "steps": 4},
           {"config": {**SD, "use_exponential_sigmas": True}, "steps": 8},
           {"config": {**SD, "timestep_type": "continuous", "prediction_type": "v_prediction"},
            "steps": 8}]
    )
    yield "euler_karras", diffusers.EulerDiscreteScheduler, (
        grid(karras) + [{"config": {**karras, "sigma_min": 0.05, "sigma_max": 10.0}, "steps": 8},
                        {"config": karras, "steps": 8, "strength": 0.6}]
    )
    yield "euler_a", diffusers.EulerAncestralDiscreteScheduler, grid(SD) + shared
    yield "dpmpp2m", diffusers.DPMSolverMultistepScheduler, (
        grid(SD) + shared + sample + clipped[1:]
        + [{"config": {**SD, **extra}, "steps": n}
           for extra in ({"solver_type": "heun"}, {"solver_order": 3}, {"solver_order": 1},
                         {"final_sigmas_type": "sigma_min"}, {"euler_at_final": True},
                         {"lower_order_final": False}, {"use_exponential_sigmas": True},
                         {"lambda_min_clipped": -5.1, "beta_schedule": "squaredcos_cap_v2"})
           for n in (4, 16)]
    )
    yield "dpmpp2m_karras", diffusers.DPMSolverMultistepScheduler, (
        grid(karras, ["linspace"]) + [{"config": karras, "steps": 8, "strength": 0.6}]
    )
    yield "dpmpp2m_sde", diffusers.DPMSolverMultistepScheduler, [
        {"config": {**SD, "algorithm_type": "sde-dpmsolver++", **extra}, "steps": n}
        for extra in ({}, {"solver_type": "heun"}, {"solver_order": 3})
        for n in (2, 4, 16)
    ]
    yield "pndm", diffusers.PNDMScheduler, (
        grid({**sd, "skip_prk_steps": True})
        + [dict(c, config={**c["config"], "skip_prk_steps": True}) for c in strength + cosine]
        + [{"config": sd, "steps": n} for n in (4, 8, 20)]
        + [{"config": {**sd, "skip_prk_steps": True, "set_alpha_to_one": True}, "steps": 4}]
    )


def tables():
    """What the walks stand on: alphas, in f32."""
    for config in ({}, SD, {**SD, "rescale_betas_zero_snr": True},
                   {"beta_schedule": "squaredcos_cap_v2"}):
        alphas = diffusers.DDIMScheduler.from_config(config).alphas_cumprod.numpy()
        picked = list(range(0, 1000, 37)) + [998, 999]
        yield {"config": config, "at": picked, "alphas_cumprod": digits(alphas[picked])}


def guidance():
    class Pipeline:
        embedding = diffusers.StableDiffusionPipeline.get_guidance_scale_embedding

    for scale, dim in ((7.5, 256), (1.0, 256), (8.5, 32), (3.2, 15)):
        w = torch.tensor(scale - 1).repeat(1)
        values = Pipeline().embedding(w, embedding_dim=dim)
        yield {"guidance_scale": scale, "dim": dim, "values": digits(values)}


def make(root):
    warnings.simplefilter("ignore")
    diffusers.logging.set_verbosity_error()
    out = root / "schedulers"
    out.mkdir(parents=True, exist_ok=True)

    def write(name, content):
        (out / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")

    for name, cls, rows in cases():
        write(name, [walk(cls, row) for row in rows])
    write("tables", {"alphas": list(tables()), "guidance": list(guidance())})
