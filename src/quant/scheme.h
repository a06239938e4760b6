#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace edgefusion::quant {

/// How a linear layer or convolution keeps its weights and its inputs.
enum class LayerScheme : uint8_t {
  f32,
  bf16,
  w8a16,          ///< s8 weights, bf16 inputs
  w4a16,          ///< s4 weights in groups, bf16 inputs
  palette4,       ///< indices of 4 bits into palettes of floats, bf16 inputs
  palette5,       ///< of 5 bits
  palette6,       ///< of 6 bits
  w8a8,           ///< s8 weights, u8 inputs with scales from calibration
  w8a8_dynamic,   ///< s8 weights, u8 inputs with a scale found for each row
  w8a8_winograd,  ///< w8a8 in the Winograd domain, scales for each position
};

/// How attention computes its two products.
enum class AttentionScheme : uint8_t {
  bf16,
  int8_scores,  ///< q x k in 8 bits, weights x v in bf16
  int8,         ///< both
};

/// The names in recipes and reports.
std::string_view to_string(LayerScheme scheme);
std::string_view to_string(AttentionScheme scheme);
/// In the order of the enum.
std::span<const std::string_view> layer_scheme_names();
std::span<const std::string_view> attention_scheme_names();
std::optional<LayerScheme> layer_scheme_of(std::string_view name);
std::optional<AttentionScheme> attention_scheme_of(std::string_view name);

}  // namespace edgefusion::quant
