#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "quant/quantized_layer.h"

namespace edgefusion::quant {

/// What --methods may name: "outputs", "range", "range_99_9", "range_99_99" (percentiles instead of
/// the least error), "clip", "sources", "equalize", "hadamard", "bias", "feedback".
std::span<const std::string_view> method_names();

/// Only the methods that are named; "none" and "all" stand for themselves. Errors: unknown, with
/// the nearest name.
Result<QuantizationMethods> parse_methods(const std::vector<std::string>& names);

/// The names of what is on, with which parse_methods() gives the same again; "none" of nothing.
std::vector<std::string> names_of(const QuantizationMethods& methods);

}  // namespace edgefusion::quant
