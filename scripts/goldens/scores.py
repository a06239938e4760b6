"""Figures of quality by numpy and scipy, on seeded features: tests/goldens/scores/."""

import json

import numpy as np
from scipy import linalg


def frechet(a, b):
    """Heusel et al. 2017, with scipy's general matrix square root, as pytorch-fid has it."""
    root = linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False))
    means = a.mean(axis=0) - b.mean(axis=0)
    spread = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
    return float(means @ means + spread - 2 * np.trace(root.real))


def inception(p):
    """Salimans et al. 2016, one split."""
    return float(np.exp((p * (np.log(p) - np.log(p.mean(axis=0)))).sum(axis=1).mean()))


def clip(pictures, texts):
    cosine = (pictures * texts).sum(axis=1)
    cosine /= np.linalg.norm(pictures, axis=1) * np.linalg.norm(texts, axis=1)
    return float(100 * np.maximum(cosine, 0).mean())


def recall(queries, gallery, right, k):
    """Share of queries whose right item is among the k most similar."""
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, gallery)]
    order = np.argsort(-(unit[0] @ unit[1].T), axis=1, kind="stable")[:, :k]
    return float(np.mean([r in row for r, row in zip(right, order, strict=True)]))


def rows(x):
    return [[float(v) for v in row] for row in x]


def make(root):
    draw = np.random.default_rng(7)
    # Rounded, so that the file holds exactly what was computed with.
    a = np.round(draw.normal(size=(40, 6)) @ draw.normal(size=(6, 6)), 3).astype(np.float32)
    b = np.round(draw.normal(size=(25, 6)) @ draw.normal(size=(6, 6)) + 0.5, 3).astype(np.float32)
    few = a[:4]  # fewer than features
    raw = np.round(draw.gamma(0.5, size=(12, 5)) + 0.01, 3)
    p = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    a64, b64, few64, p64 = (x.astype(np.float64) for x in (a, b, few, p))
    right = [int(r) for r in draw.permutation(25)[:12]]
    queries = np.round(b[right] + draw.normal(size=(12, 6)) * 3, 3).astype(np.float32)
    q64 = queries.astype(np.float64)
    values = {
        "a": rows(a),
        "b": rows(b),
        "probabilities": rows(p),
        "queries": rows(queries),
        "right": right,
        "frechet_a_b": frechet(a64, b64),
        "frechet_few_b": frechet(few64, b64),
        "inception": inception(p64),
        "clip_a_b": clip(a64[:25], b64),
        "recall_at_1": recall(q64, b64, right, 1),
        "recall_at_5": recall(q64, b64, right, 5),
    }
    folder = root / "scores"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scores.json").write_text(json.dumps(values) + "\n", encoding="utf-8")
