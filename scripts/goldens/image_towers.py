"""Image tower goldens: tests/goldens/image_tower/<case>/. The network is our own; this is its
definition in PyTorch's modules, under the names of its weight file."""

import shutil

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from goldens.gradients import gradients_of_loss
from goldens.networks import STORAGE, Taps, generator, randomise, save_golden, write_json

TEXT_WIDTH = 6
TAPPED = "two_stages"

# name: (image_size, widths, blocks, norm_groups, pool_heads, embedding_width), storage, batches
CASES = {
    "two_stages": ((16, (4, 8), (1, 2), 2, 2, 5), "f16", (3, 1)),
    "no_block": ((24, (4, 8, 12), (0, 1, 0), 2, 4, 7), "f32", (2,)),
}


class Block(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(groups, width), nn.GroupNorm(groups, width)
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(h)))


class Stage(nn.Module):
    def __init__(self, before, width, blocks, groups):
        super().__init__()
        self.down = nn.Conv2d(before, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(width, groups) for _ in range(blocks))

    def forward(self, x):
        x = self.down(x)
        for block in self.blocks:
            x = block(x)
        return x


class Pool(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Embedding(1, width)
        self.to_k, self.to_v, self.to_out = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x):
        places = x.flatten(2).transpose(1, 2)
        query = self.query.weight.expand(len(x), 1, -1)
        q, k, v = (
            y.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for y in (query, self.to_k(places), self.to_v(places))
        )
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.to_out(mixed[:, 0])


class Tower(nn.Module):
    def __init__(self, widths, blocks, groups, heads):
        super().__init__()
        before = (3, *widths[:-1])
        self.stages = nn.ModuleList(
            Stage(*row, groups) for row in zip(before, widths, blocks, strict=True)
        )
        self.norm_out = nn.GroupNorm(groups, widths[-1])
        self.pool = Pool(widths[-1], heads)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.pool(F.silu(self.norm_out(x)))


class Model(nn.Module):
    def __init__(self, _size, widths, blocks, groups, heads, embedding):
        super().__init__()
        self.image_tower = Tower(widths, blocks, groups, heads)
        self.image_projection = nn.Linear(widths[-1], embedding, bias=False)

    def forward(self, x):
        features = self.image_tower(x)
        return features, self.image_projection(features)


def wanted_tap(name, module):
    return isinstance(module, Block) or name.endswith(".down")


def config_of(size, widths, blocks, groups, heads, embedding):
    return {
        "_class_name": "ImageTextModel",
        "image_size": size,
        "widths": widths,
        "blocks": blocks,
        "norm_groups": groups,
        "pool_heads": heads,
        "embedding_width": embedding,
        "text_width": TEXT_WIDTH,
        "text_tokens": 8,
    }


def case(folder, name):
    shape, storage, batches = CASES[name]
    model = randomise(Model(*shape), "image_tower/" + name, storage)
    draw = generator("image_tower/" + name)
    tensors = {}
    for run, batch in enumerate(batches):
        image = torch.randn(batch, 3, shape[0], shape[0], generator=draw).mul(0.6).clamp(-1, 1)
        taps = Taps(model, wanted_tap) if name == TAPPED and run == 0 else None
        features, embeds = model(image)
        tensors[f"in.{run}.image"] = image
        tensors[f"out.{run}.features"] = features.detach()
        tensors[f"out.{run}.image_embeds"] = embeds.detach()
        if taps:
            tensors.update(taps.take())
    save_golden(folder / "golden.safetensors", tensors)
    gradient(model, tensors, folder)
    weights = {k: v.to(STORAGE[storage]) for k, v in model.state_dict().items()}
    # What a reader of the tower passes over.
    weights["text_projection.weight"] = torch.randn(shape[-1], TEXT_WIDTH, generator=draw)
    weights["logit_scale"] = torch.tensor([2.5])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", config_of(*shape))


def gradient(model, tensors, folder):
    """As goldens.gradients has it; the loss is the sum over the outputs."""
    loss = sum(x.square().mean() for x in model(tensors["in.0.image"]))
    save_file(gradients_of_loss("image_encoder", model, loss), folder / "gradients.safetensors")


def make(root):
    for name in CASES:
        folder = root / "image_tower" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        case(folder, name)
