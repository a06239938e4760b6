#include "quant/weight_codes.h"

namespace edgefusion::quant {
namespace {

size_t index(int64_t row, int64_t column, int64_t columns) {
  return static_cast<size_t>(row * columns + column);
}

template <typename Codes>
std::vector<float> all_values(const Codes& codes) {
  std::vector<float> values(static_cast<size_t>(codes.outputs * codes.depth));
  for (int64_t o = 0; o < codes.outputs; ++o) {
    for (int64_t k = 0; k < codes.depth; ++k) {
      values[index(o, k, codes.depth)] = codes.value(o, k);
    }
  }
  return values;
}

constexpr int64_t kFloatBytes = 4;

}  // namespace

float ChannelCodes::value(int64_t o, int64_t k) const {
  return static_cast<float>(codes[index(o, k, depth)]) * scales[static_cast<size_t>(o)];
}

float GroupCodes::value(int64_t o, int64_t k) const {
  return static_cast<float>(codes[index(o, k, depth)]) * scales[index(o, k / group, groups())];
}

std::span<const float> PaletteCodes::palette_of(int64_t o) const {
  return std::span(palettes).subspan(static_cast<size_t>(o / rows_per_palette * entries()),
                                     static_cast<size_t>(entries()));
}

float PaletteCodes::value(int64_t o, int64_t k) const {
  return palette_of(o)[indices[index(o, k, depth)]];
}

std::vector<float> to_values(const ChannelCodes& codes) { return all_values(codes); }
std::vector<float> to_values(const GroupCodes& codes) { return all_values(codes); }
std::vector<float> to_values(const PaletteCodes& codes) { return all_values(codes); }

int64_t stored_bytes(const ChannelCodes& codes) {
  return codes.outputs * (codes.depth + kFloatBytes);
}

int64_t stored_bytes(const GroupCodes& codes) {
  return codes.outputs * ((codes.depth + 1) / 2 + codes.groups() * kFloatBytes);
}

int64_t stored_bytes(const PaletteCodes& codes) {
  return (codes.outputs * codes.depth * codes.bits + 7) / 8 +
         codes.palette_count() * codes.entries() * kFloatBytes;
}

}  // namespace edgefusion::quant
