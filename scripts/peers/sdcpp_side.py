"""stable-diffusion.cpp: it runs whole pictures only, so its one "network" is the whole."""

import numpy as np
from stable_diffusion_cpp import StableDiffusion

from peers.case import STEPS, WHOLE

PROMPT = "a photograph of an astronaut riding a horse"


class Picture:
    def __init__(self, case, folder):
        self.size = case.size
        self.engine = StableDiffusion(
            model_path=str(folder),
            taesd_path=str(folder / "taesd.safetensors"),
            n_threads=case.threads,
            vae_decode_only=True,
        )

    def run(self):
        self.image = self.engine.generate_image(
            PROMPT, cfg_scale=1.0, sample_method="lcm", sample_steps=STEPS, seed=1,
            width=self.size, height=self.size,
        )[0]

    def output(self):
        """-1 to 1, [1, 3, height, width], as decoders give it."""
        pixels = np.asarray(self.image.convert("RGB"), np.float32) / 127.5 - 1
        return pixels.transpose(2, 0, 1)[None]

    def precisions(self):
        return {"f16": 1}


def load(case, work, side, cache=None):
    if case.network != WHOLE:
        raise ValueError("runs whole pictures only")
    return {WHOLE: Picture(case, work / side.files)}
