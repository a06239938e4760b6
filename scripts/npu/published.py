"""Figures of EdgeFusion (arXiv 2404.11925) on the NPU of an Exynos 2400, and how they are met."""

# Table of the attention block: percent of the untiled time; None: not there when tiled.
ATTENTION = {
    "DMA load Q, K": (0.6, 0.6),
    "tensor engine QK^T": (6.9, 7.2),
    "DMA store S": (19.1, None),
    "DMA load S": (18.2, None),
    "vector engine softmax": (11.0, 11.6),
    "DMA store softmax(S)": (18.5, None),
    "DMA load softmax(S), V": (19.5, 0.8),
    "tensor engine S V": (5.4, 5.7),
    "DMA store A": (0.7, 0.7),
}
TILED_TOTAL = 27.0

# Milliseconds of encoder, U-Net and decoder.
LATENCIES = {
    "SD v1.5, untiled": (52.5, 1350.3, 483.4),
    "EdgeFusion, untiled": (51.9, 454.3, 484.7),
    "EdgeFusion, tiled": (52.2, 200.2, 486.1),
}

# The paper does not say how many U-Net passes are behind its table. Two steps are its headline;
# a model without distilled guidance needs two passes a step, which run as a batch of two.
STEPS = 2
GUIDED_BATCH = 2


def off(got, published):
    """How far `got` is from the published figure, as a share of it."""
    return got / published - 1
