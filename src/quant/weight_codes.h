#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace edgefusion::quant {

/// Weights of one layer as a matrix [outputs, depth], row by row; what order the depth has is the
/// caller's business. Not owned.
struct WeightMatrix {
  std::span<const float> values;
  int64_t outputs = 0, depth = 0;
};

/// s8, one scale for each output: value = code * scale[o], codes -127 to 127.
struct ChannelCodes {
  int64_t outputs = 0, depth = 0;
  std::vector<int8_t> codes;  ///< [outputs, depth]
  std::vector<float> scales;  ///< [outputs], above 0

  float value(int64_t o, int64_t k) const;
};

/// s4, one scale for each group of the depth: value = code * scale[o, k / group], codes -8 to 7. A
/// scale may be negative: which sign reaches 8 is then the weights' own.
struct GroupCodes {
  int64_t outputs = 0, depth = 0, group = 32;
  std::vector<int8_t> codes;  ///< [outputs, depth], not packed
  std::vector<float> scales;  ///< [outputs, groups()], never 0

  int64_t groups() const { return (depth + group - 1) / group; }
  float value(int64_t o, int64_t k) const;
};

/// Indices into a palette that a few outputs share:
/// value = palettes[o / rows_per_palette, indices[o, k]].
struct PaletteCodes {
  int64_t outputs = 0, depth = 0, rows_per_palette = 16;
  int bits = 4;                  ///< a palette has 2^bits entries
  std::vector<uint8_t> indices;  ///< [outputs, depth], not packed
  std::vector<float> palettes;   ///< [palette_count(), 2^bits], each ascending

  int64_t entries() const { return int64_t{1} << bits; }
  int64_t palette_count() const { return (outputs + rows_per_palette - 1) / rows_per_palette; }
  std::span<const float> palette_of(int64_t o) const;
  float value(int64_t o, int64_t k) const;
};

/// All values, [outputs, depth].
std::vector<float> to_values(const ChannelCodes& codes);
std::vector<float> to_values(const GroupCodes& codes);
std::vector<float> to_values(const PaletteCodes& codes);

/// Bytes of a layer in a file: codes packed, scales and entries of 4 bytes.
int64_t stored_bytes(const ChannelCodes& codes);
int64_t stored_bytes(const GroupCodes& codes);
int64_t stored_bytes(const PaletteCodes& codes);

}  // namespace edgefusion::quant
