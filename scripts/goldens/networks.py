"""Random networks in which every term matters, and the files that hold what they compute.

Default initialisers leave norms at 1 and 0 and some biases at 0, so a reader that drops such a
term would pass. Here every parameter is drawn, with a spread that keeps activations near 1.
"""

import json
import math
import shutil
import zlib
from pathlib import Path

import diffusers
import torch
import transformers
from safetensors.torch import load_file, save_file

STORAGE = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
NORMS = (torch.nn.GroupNorm, torch.nn.LayerNorm)


def seed_of(name):
    """A seed that depends on the name alone, so that adding a case moves no other."""
    return zlib.crc32(name.encode())


def generator(name):
    return torch.Generator("cpu").manual_seed(seed_of(name))


def be_quiet():
    diffusers.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def be_repeatable():
    """Sums split over threads differ in the last bits: one thread. Keeps the libraries quiet too."""
    torch.set_num_threads(1)
    be_quiet()
    torch.use_deterministic_algorithms(True)


def randomise(module, name, storage="f32", gains=None):
    """Draws every parameter of `module`, rounds it to `storage` and keeps the values as f32.

    Weights: std gain/sqrt(fan_in); norm weights 1 +- 0.2; biases 0.2; embeddings 1.
    gains: {part of a parameter's name: gain}, the last match wins, 1 where none matches.
    """
    draw = generator(name + "/weights")
    owners = dict(module.named_modules())
    for full_name, parameter in sorted(module.named_parameters()):
        owner_name, _, leaf = full_name.rpartition(".")
        noise = torch.randn(parameter.shape, generator=draw)
        gain = 1.0
        for part, value in (gains or {}).items():
            if part in full_name:
                gain = value
        if isinstance(owners[owner_name], NORMS):
            values = 1 + 0.2 * noise if leaf == "weight" else 0.2 * noise
        elif isinstance(owners[owner_name], torch.nn.Embedding):
            values = gain * noise
        elif parameter.dim() < 2:
            values = 0.2 * noise
        else:
            values = gain * noise / math.sqrt(parameter[0].numel())
        parameter.data = values.to(STORAGE[storage]).to(torch.float32)
    return module.eval()


def save_model(folder, model, storage):
    """Writes config and weights as the libraries do, in a fresh folder."""
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype=STORAGE[storage])
    model.save_pretrained(folder)


def rewrite_weights(path, change, storage):
    """Loads a weights file, maps its tensors through `change` (dict -> dict), stores it again."""
    tensors = change(load_file(path))
    floats = {k: v.to(STORAGE[storage]) if v.is_floating_point() else v for k, v in tensors.items()}
    save_file({k: v.contiguous() for k, v in floats.items()}, path, metadata={"format": "pt"})


class Taps:
    """Records the outputs of the modules that `wanted(name, module)` accepts, under their paths."""

    def __init__(self, module, wanted, prefix=""):
        self.values = {}
        self.handles = [
            child.register_forward_hook(self._recorder(prefix + name))
            for name, child in module.named_modules()
            if name and wanted(name, child)
        ]

    def _recorder(self, name):
        def record(_module, _inputs, output):
            first = output[0] if isinstance(output, (tuple, list)) else output
            first = getattr(first, "sample", first)
            self.values["tap." + name] = first.detach().clone()

        return record

    def take(self):
        for handle in self.handles:
            handle.remove()
        return self.values


def save_golden(path, tensors):
    """Writes tensors, complaining about any that would make a comparison worthless."""
    for name, value in tensors.items():
        if not value.is_floating_point():
            continue
        if not torch.isfinite(value).all():
            raise ValueError(f"{path}: {name}: not finite")
        if name.startswith(("out.", "tap.")) and not 1e-3 < value.abs().max() < 1e3:
            raise ValueError(f"{path}: {name}: largest value {value.abs().max():g}, expected near 1")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, str(path))


def write_json(path, value):
    Path(path).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
