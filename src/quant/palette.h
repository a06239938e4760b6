#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quant/weight_codes.h"

namespace edgefusion::quant {

/// The best few values to stand for many: k-means in one dimension. `values` and their weights (not
/// negative) belong together; the result has `entries` values, ascending, repeated where there are
/// fewer different ones. Exact for up to 1024 values; of more, those next to each other are first
/// taken together, then entries move until each is the mean of what it stands for. The same on
/// every machine. Time: a sort, and some milliseconds.
std::vector<float> make_palette(std::span<const float> values, std::span<const float> importance,
                                int64_t entries);

/// The index of the nearest entry of an ascending palette, the lower of two equally near.
uint8_t nearest_entry(std::span<const float> palette, float value);

/// bits 1 to 8; a palette for each `rows_per_palette` outputs, the last of which may be fewer.
/// Entries are f16 values, as files keep them. importance as in weight_rounding.h.
PaletteCodes palettize(const WeightMatrix& weights, int bits, int64_t rows_per_palette,
                       std::span<const double> importance = {});

}  // namespace edgefusion::quant
