#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/quantized_tensor.h"
#include "core/result.h"
#include "core/tensor.h"
#include "formats/diffusers_folder.h"

namespace edgefusion::formats {

/// Codes of one weight tensor with their numbers.
struct QuantizedWeights {
  WeightCode code = WeightCode::s8;
  Shape shape;
  std::vector<std::byte> codes;
  std::vector<float> scales, palettes;  ///< as QuantizedTensor says
  int64_t group = 0, rows_per_palette = 0;
  int hadamard = 0;
  std::string layer;  ///< whose input_scale is multiplied in; empty: none

  /// For as long as this lives. `input_scale`: of that layer.
  QuantizedTensor view(std::vector<float> input_scale = {}) const;
};

/// What a quantised bundle has instead of, or beside, what is in its model.
struct QuantizedContents {
  std::map<std::string, std::map<std::string, QuantizedWeights>> tensors;  ///< by role, by name
  /// Weights that stay floats and have new values, by role, by name.
  std::map<std::string, std::map<std::string, Tensor>> replaced;
  /// "unet/conv_in.input_scale" and the like.
  std::map<std::string, std::vector<float>> numbers;
  /// "quantization" of edgefusion.json, but for "tensors" of the networks, which come from here.
  nlohmann::json description;
};

/// Writes a bundle of version 2 (docs/bundle.md). The model may not be quantised itself. Errors:
/// those of reading the model's files and of writing.
Status write_quantized_bundle(const ModelFolder& model, const QuantizedContents& contents,
                              const std::filesystem::path& path);

/// Bytes of the file that write_quantized_bundle() makes of them: weights, scales, texts and
/// header. Errors: those of reading the model's files.
Result<int64_t> quantized_bundle_bytes(const ModelFolder& model, const QuantizedContents& contents);

}  // namespace edgefusion::formats
