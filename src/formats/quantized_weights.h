#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/quantized_tensor.h"
#include "core/result.h"
#include "formats/bundle.h"

namespace edgefusion::formats {

/// Where a bundle keeps what belongs to the codes of a tensor or to a layer:
/// "quantized/unet/conv_in.weight.scale".
inline constexpr std::string_view kBundleQuantized = "quantized/";

/// Numbers a quantised bundle keeps beside the weights (f32 [n]); empty if there are none.
/// Errors: another type.
Result<std::vector<float>> quantized_numbers(const Bundle& bundle, const std::string& name);

/// A network's tensors, of which `tensors` ("quantization": {"networks": {ROLE: {"tensors": ...}}}
/// in edgefusion.json, docs/bundle.md) says which are codes. Errors: bad_file naming the tensor:
/// codes, scales or palettes that are missing or not of the size that belongs to them.
Result<std::shared_ptr<const TensorSource>> open_quantized_weights(
    std::shared_ptr<const Bundle> bundle, const std::string& role, const nlohmann::json& tensors);

}  // namespace edgefusion::formats
