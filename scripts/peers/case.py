"""One piece of work, the same for every side: which networks, at which size, on what inputs."""

from dataclasses import dataclass

import numpy as np

PIXELS_PER_LATENT, TOKENS, TEXT_WIDTH = 8, 77, 768
BEGIN, END = 49406, 49407
STEPS = 2  # U-Net passes in a whole picture
# network: (architecture, its network's name on edgefusion's command line)
NETWORKS = {
    "text_encoder": ("clip-vit-l-14", "text_encoder"),
    "unet": ("bk-sdm-tiny", "unet"),
    "taesd": ("taesd", "vae_decoder"),
    "vae": ("vae", "vae_decoder"),
}
WHOLE = "whole"
RUNS_IN_WHOLE = {"text_encoder": 1, "unet": STEPS, "taesd": 1}


@dataclass(frozen=True)
class Case:
    """`network` is a key of NETWORKS or WHOLE; `size` is in pixels of one side of a square."""

    network: str
    size: int
    threads: int
    batch: int = 1

    def networks(self):
        return list(RUNS_IN_WHOLE) if self.network == WHOLE else [self.network]

    def runs(self, network):
        """How often `network` runs for one result."""
        return RUNS_IN_WHOLE[network] if self.network == WHOLE else 1

    def inputs(self, network):
        """{name: array}, the same for every side; the names are those of `edgefusion exec`."""
        draw = np.random.default_rng(7)
        edge = self.size // PIXELS_PER_LATENT
        latent = draw.standard_normal((self.batch, 4, edge, edge), np.float32)
        if network == "text_encoder":
            ids = np.full((self.batch, TOKENS), END, np.int64)
            ids[:, 0] = BEGIN
            ids[:, 1:20] = draw.integers(0, BEGIN, (self.batch, 19))
            return {"input_ids": ids}
        if network == "unet":
            text = draw.standard_normal((self.batch, TOKENS, TEXT_WIDTH), np.float32)
            timestep = np.full(self.batch, 499.0, np.float32)
            return {"sample": latent, "timestep": timestep, "encoder_hidden_states": text}
        return {"latent": latent}


def model_folder(work, network):
    """Where prepare.py writes the network in the diffusers layout; `work` is a Path."""
    if network == "vae":
        return work / "models" / "vae"
    return work / "models" / "pipeline" / {"taesd": "vae"}.get(network, network)
