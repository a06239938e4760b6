#include "core/dtype.h"
#include "kernels/matrix/expanded/expand_rows.h"

namespace edgefusion::kernels {
namespace {

int64_t elements_of(const ExpandBlocks& work) { return kPanelDepth * work.columns; }

/// The column of an element of a block.
int64_t column_of(const ExpandBlocks& work, int64_t element) {
  return element % (int64_t{work.columns} * work.group) / work.group;
}

float scale_of(const ExpandBlocks& work, int64_t block, int64_t column) {
  const int64_t at = (work.first + block) / work.scale_blocks * work.columns + column;
  if (!work.half_scales) return static_cast<const float*>(work.scales)[at];
  return f16_to_f32(static_cast<const uint16_t*>(work.scales)[at]);
}

int s4_code(const uint8_t* codes, int64_t e) {
  const int64_t word = e % 32 / 2, nibble = e % 128 / 32 * 2 + e % 2;
  const int pair = codes[e / 128 * 64 + word * 4 + nibble / 2];
  const int code = nibble % 2 == 0 ? pair & 15 : pair >> 4;
  return code < 8 ? code : code - 16;
}

int palette_code(const uint8_t* codes, int bits, int64_t e) {
  const int64_t low_bytes = 64, bit_bytes = 16;
  const uint8_t* part = codes + e / 128 * (low_bytes + (bits - 4) * bit_bytes);
  const int64_t at = e % 128, word = at % 32, nibble = at / 32;
  int code = part[word * 2 + nibble / 2] >> nibble % 2 * 4 & 15;
  for (int bit = 4; bit < bits; ++bit) {
    const uint8_t* plane = part + low_bytes + (bit - 4) * bit_bytes;
    code |= (plane[at / 8] >> at % 8 & 1) << bit;
  }
  return code;
}

}  // namespace

void expand_s8_scalar(const ExpandBlocks& work) noexcept {
  for (int64_t e = 0; e < work.blocks * elements_of(work); ++e) {
    work.dst[e] = f32_to_bf16(static_cast<float>(static_cast<int8_t>(work.codes[e])));
  }
}

void expand_s4_scalar(const ExpandBlocks& work) noexcept {
  for (int64_t e = 0; e < work.blocks * elements_of(work); ++e) {
    const float scale = scale_of(work, e / elements_of(work), column_of(work, e));
    work.dst[e] = f32_to_bf16(static_cast<float>(s4_code(work.codes, e)) * scale);
  }
}

void expand_palette_scalar(const ExpandBlocks& work) noexcept {
  for (int64_t e = 0; e < work.blocks * elements_of(work); ++e) {
    const uint16_t* table = work.tables + ((e / (2 * kSlots) % work.table_count) << work.bits);
    work.dst[e] = table[palette_code(work.codes, work.bits, e)];
  }
}

}  // namespace edgefusion::kernels
