"""Noise goldens: tests/goldens/noise/. What torch.randn gives, bit for bit, and cuRAND's words.

index.json lists draws: a seed, the sizes of successive calls on one generator, and either the
offset of their values in cpu.f32 (little-endian float32) or the FNV-1a hash of their bytes.
The CUDA part is computed here without a GPU, from the Philox paper and the launch rules of torch.
"""

import json
import math

import numpy as np
import torch

SEEDS = [0, 1, 2**32 + 5, 2**63, -1, -(2**31) - 7]
# Their first eight uniforms hold a 0, whose normal values are zeros; torch makes none of them -0.
UNIFORM_ZERO_SEEDS = [1753191, 2934939, 3109716]
LARGE = [4 * 64 * 64, 4 * 64 * 64 + 5, 2 * 4 * 63 * 41 + 1]


def cpu_draws(seed, sizes):
    generator = torch.Generator("cpu").manual_seed(seed)
    return [torch.randn(size, generator=generator).numpy() for size in sizes]


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & (2**64 - 1)
    return value


def philox(counter, key):
    """Philox 4x32-10; counter is a list of four arrays, key two integers."""
    c = [np.asarray(word, np.uint64) for word in counter]
    k0, k1 = key
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    for _ in range(10):
        a = c[0] * np.uint64(0xD2511F53)
        b = c[2] * np.uint64(0xCD9E8D57)
        c = [
            (b >> shift) ^ c[1] ^ np.uint64(k0),
            b & low,
            (a >> shift) ^ c[3] ^ np.uint64(k1),
            a & low,
        ]
        k0 = (k0 + 0x9E3779B9) & 0xFFFFFFFF
        k1 = (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def cuda_randn(seed, offset, count, max_blocks):
    """One torch.randn(count, device="cuda"): its values in f64, and the generator's next offset."""
    threads = 256 * min(max_blocks, math.ceil(count / 256))
    rounds = (count - 1) // (threads * 4) + 1
    values = np.zeros(rounds * threads * 4)
    thread = np.arange(threads, dtype=np.uint64)
    for i in range(rounds):
        block = offset // 4 + i
        full = np.full(threads, 1, np.uint64)
        words = philox(
            [full * np.uint64(block & 0xFFFFFFFF), full * np.uint64(block >> 32), thread,
             np.zeros(threads)],
            (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF),
        )
        normals = []
        for x, y in ((words[0], words[1]), (words[2], words[3])):
            u = (x.astype(np.float32).astype(float) + 0.5) * 2.0**-32
            v = (y.astype(np.float32).astype(float) + 0.5) * 2.0**-32 * 2 * math.pi
            # The uniform is rounded to f32 before its logarithm: near 1 that decides the result.
            radius = np.sqrt(-2 * np.log(u.astype(np.float32).astype(float)))
            normals += [radius * np.sin(v), radius * np.cos(v)]
        base = i * threads * 4
        values[base : base + threads * 4] = np.concatenate(normals)
    return values[:count], offset + rounds * 4


def make(root):
    out = root / "noise"
    out.mkdir(parents=True, exist_ok=True)
    index = {"cpu": [], "cpu_hashed": [], "cuda": []}
    stored = []

    def store(seed, sizes):
        offset = sum(len(a) for a in stored)
        stored.extend(cpu_draws(seed, sizes))
        index["cpu"].append({"seed": str(seed), "sizes": sizes, "offset": offset})

    for seed in SEEDS:
        # Short, long, short: the spare value of the serial algorithm survives the long call.
        store(seed, [5, 3, 20, 1, 16, 7, 15, 0, 33, 2])
        store(seed, [1000])
    for size in range(1, 101):
        store(7, [size])
    for seed in UNIFORM_ZERO_SEEDS:
        store(seed, [16])
    for seed in SEEDS:
        for size in LARGE:
            digest = fnv1a(cpu_draws(seed, [size])[0].tobytes())
            index["cpu_hashed"].append({"seed": str(seed), "size": size, "fnv1a": str(digest)})
    for seed, max_blocks, sizes in (
        (0, 864, [5, 300, 64]),
        (42, 864, [16, 48]),
        (2**32 + 5, 1, [1500, 1024, 40]),
        (2**63, 2, [900, 3]),
    ):
        offset, values = 0, []
        for size in sizes:
            draw, offset = cuda_randn(seed, offset, size, max_blocks)
            values += [float(f"{v:.9g}") for v in draw]
        index["cuda"].append(
            {"seed": str(seed), "max_blocks": max_blocks, "sizes": sizes, "values": values}
        )
    np.concatenate(stored).astype("<f4").tofile(out / "cpu.f32")
    (out / "index.json").write_text(json.dumps(index, separators=(",", ":")) + "\n")
