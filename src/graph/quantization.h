#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace edgefusion::graph {

/// How a value [..., C] lies as u8: value = (q - zero_point) * scale[c], as
/// kernels/quantize/quantize.h says.
struct U8Format {
  std::vector<float> scale;  ///< [C]
  int zero_point = 128;
  bool operator==(const U8Format&) const = default;
};

/// In what a matrix layer has its weights and activations. "w8a16": weights of 8 bits, activations
/// of 16.
enum class Scheme : uint8_t {
  f32,
  bf16,
  w8a16,
  w4a16,
  palette4,
  palette5,
  palette6,
  w8a8,           ///< u8 activations with one scale for the tensor (or for each channel)
  w8a8_dynamic,   ///< the scale of each token is found when it is there; linear layers
  w8a8_winograd,  ///< 3x3 convolutions as F(2x2,3x3), whose transformed patches have 8 bits
};

std::string_view to_string(Scheme scheme);
/// Errors: unknown, with the nearest name.
Result<Scheme> parse_scheme(std::string_view name);
/// All of them, in order.
std::vector<std::string_view> scheme_names();
/// Activations of 8 bits.
bool has_int8_activations(Scheme scheme);

/// The arithmetic of one attention; names as kernels/attention/attention.h has them.
enum class AttentionScheme : uint8_t { bf16, int8 };
std::string_view to_string(AttentionScheme scheme);
Result<AttentionScheme> parse_attention_scheme(std::string_view name);

/// How one layer is quantised, beside its weights.
struct LayerQuantization {
  Scheme scheme = Scheme::bf16;
  /// What a step of the u8 is worth, for each input channel (those of the second source after those
  /// of the first); one value: for all. Dynamic: a factor for each channel, ones if empty. Winograd:
  /// empty if it reads bf16.
  std::vector<float> input_scale;
  int zero_point = 128;
  std::vector<float> position_scale;  ///< winograd: [16], in steps of input_scale
  int hadamard = 0;                   ///< dynamic: rotation of the inputs in blocks of so many

  /// input_scale of `channels` channels.
  std::vector<float> channel_scales(int64_t channels) const;
};

/// How a network is quantised. Layers are called by the module of their first weight
/// ("down_blocks.0.resnets.0.conv1"), attentions by the value they make; what is not named is bf16.
struct NetworkQuantization {
  std::map<std::string, LayerQuantization, std::less<>> layers;
  std::map<std::string, AttentionScheme, std::less<>> attentions;

  const LayerQuantization* layer(std::string_view name) const;
  AttentionScheme attention(std::string_view name) const;
};

}  // namespace edgefusion::graph
