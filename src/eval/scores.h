#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace edgefusion::eval {

// Figures of quality as formulas, on what a FeatureExtractor gives. Rows of embeddings have any
// length but zero. Shapes that do not fit are a bug.

/// Mean over rows of 100 * max(cosine, 0), row i of the one beside row i of the other, [N,E] each.
/// Source: Hessel et al. 2021 (CLIPScore), scaled to 100 as papers on few-step models report it.
double clip_score(const Tensor& pictures, const Tensor& texts);

/// Share of queries [N,E] whose right item, row right[i] of gallery [M,E], is among the k nearest
/// by cosine. An item that is as near as the right one counts as nearer.
double recall_at(int64_t k, const Tensor& queries, const Tensor& gallery,
                 std::span<const int64_t> right);

/// exp of the mean Kullback-Leibler divergence of the rows of probabilities [N,K] from their mean:
/// from 1 (all alike) to K (each row sure, all classes alike often). One split.
/// Source: Salimans et al. 2016.
double inception_score(const Tensor& probabilities);

}  // namespace edgefusion::eval
