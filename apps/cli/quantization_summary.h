#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "formats/diffusers_folder.h"
#include "graph/graph.h"
#include "graph/quantization.h"

namespace edgefusion::cli {

/// How many layers and attentions of a network have each scheme, those that are not named (bf16)
/// among them.
struct SchemeCounts {
  std::map<std::string, int64_t, std::less<>> layers, attentions;  ///< by the scheme's name
};

SchemeCounts count_schemes(const graph::Graph& graph,
                           const graph::NetworkQuantization& quantization);

/// Bytes the file has for the weights a graph reads, with the scales and palettes of codes and the
/// scales of layers of `folder`'s bundle.
int64_t stored_weight_bytes(const graph::Graph& graph, const formats::ModelFolder& folder,
                            std::string_view role);

/// What a quantised bundle says of how it was made; what it does not say is missing.
struct QuantizationOrigin {
  std::optional<double> psnr_db, ssim;  ///< of pictures against f32, as measured then
  std::optional<int64_t> calibration_prompts, seed;
  std::string calibration_hash, calibration_source;  ///< of the prompts; empty: not told
  nlohmann::json recipe;                             ///< or null
};

/// Of a quantised model. Errors: bad_file naming the key, what was expected and found.
Result<QuantizationOrigin> read_quantization_origin(const formats::ModelFolder& folder);

/// "33.1 dB PSNR and 0.9850 SSIM against f32; calibrated by 256 prompts (...)".
std::string to_text(const QuantizationOrigin& origin);
nlohmann::json to_json(const QuantizationOrigin& origin);

/// "w8a8 120, bf16 9".
std::string to_text(const std::map<std::string, int64_t, std::less<>>& counts);

}  // namespace edgefusion::cli
