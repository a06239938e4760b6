#include "kernels/matrix/expanded/packed_panel.h"

#include <algorithm>
#include <array>

#include "kernels/matrix/pack.h"

namespace edgefusion::kernels {
namespace {

int64_t whole_lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }

float scale_at(const QuantizedWeights& w, int64_t index) {
  return stored_weight({.data = w.scales, .dtype = w.format.scale_type}, index);
}

/// One panel on its way into its packed form.
struct PanelPacker {
  const QuantizedWeights& weights;
  const PanelGroups& layout;
  const PanelColumns& columns;
  int64_t panel;

  using Codes = std::array<uint8_t, kPanelDepth * kPanelColumns>;

  /// Codes of the block that begins at product `first`, in the order of the bf16 panel. Of what
  /// does not exist: those of zero, if the format has one.
  void collect(int64_t first, Codes& codes) const {
    codes.fill(weights.format.code == WeightCode::s4 ? 8 : 0);
    const int64_t end = std::min(first + kPanelDepth, weights.depth());
    for (int c = 0; c < layout.columns; ++c) {
      const int64_t output = columns.output(panel, c);
      if (output < 0) continue;
      for (int64_t k = first; k < end; ++k) {
        codes[static_cast<size_t>(layout.at(k - first, c))] = static_cast<uint8_t>(
            stored_code(weights, output, k % weights.inputs, k / weights.inputs));
      }
    }
  }

  void write_scales(float* to) const {
    std::fill_n(to, kPanelColumns, 0.0f);
    for (int c = 0; c < layout.columns; ++c) {
      const int64_t output = columns.output(panel, c);
      if (output >= 0) to[c] = scale_at(weights, output);
    }
  }

  template <typename T>
  void write_group_scales(T* to) const {
    const int64_t groups = weights.scale_count() / weights.outputs;
    for (int64_t g = 0; g < groups; ++g) {
      for (int c = 0; c < layout.columns; ++c) {
        const int64_t output = columns.output(panel, c);
        *to++ = output < 0 ? T{} : static_cast<const T*>(weights.scales)[output * groups + g];
      }
    }
  }

  void write_tables(uint16_t* to, int table_count) const {
    const int entries = 1 << weights.format.bits;
    std::fill_n(to, table_count * entries, uint16_t{0});
    for (int t = 0; t < table_count; ++t) {
      const int64_t output = columns.output(panel, t * 2 * kSlots / layout.group);
      if (output < 0) continue;
      const int64_t first = output / weights.format.rows_per_palette * entries;
      for (int i = 0; i < entries; ++i) {
        to[t * entries + i] = f32_to_bf16(scale_at(weights, first + i));
      }
    }
  }
};

void write_s8(const uint8_t* codes, int64_t count, uint8_t* to) { std::copy_n(codes, count, to); }

/// Codes 0 to 15 as integers of four bits: -8 to 7.
void write_s4(const uint8_t* codes, int64_t count, uint8_t* to) {
  for (int64_t run = 0; run < count; run += 128, to += 64) {
    for (int64_t e = 0; e < 128; e += 2) {
      const int low = codes[run + e] ^ 8, high = codes[run + e + 1] ^ 8;
      to[e % 32 * 2 + e / 32] = static_cast<uint8_t>(low | high << 4);
    }
  }
}

void write_palette(const uint8_t* codes, int64_t count, int bits, uint8_t* to) {
  for (int64_t run = 0; run < count; run += 128, codes += 128) {
    std::fill_n(to, 64 + (bits - 4) * 16, uint8_t{0});
    for (int64_t e = 0; e < 128; ++e) {
      const int64_t nibble = e / 32;
      to[e % 32 * 2 + nibble / 2] |= static_cast<uint8_t>((codes[e] & 15) << nibble % 2 * 4);
      for (int bit = 4; bit < bits; ++bit) {
        to[64 + (bit - 4) * 16 + e / 8] |= static_cast<uint8_t>((codes[e] >> bit & 1) << e % 8);
      }
    }
    to += 64 + (bits - 4) * 16;
  }
}

void write_codes(const WeightFormat& format, const uint8_t* codes, int64_t count, uint8_t* to) {
  switch (format.code) {
    case WeightCode::s8:
      return write_s8(codes, count, to);
    case WeightCode::s4:
      return write_s4(codes, count, to);
    case WeightCode::palette:
      return write_palette(codes, count, format.bits, to);
  }
}

void write_head(const PanelPacker& packer, const PackedPanel& form, std::byte* to) {
  const WeightFormat& format = packer.weights.format;
  if (format.code == WeightCode::s8) {
    packer.write_scales(reinterpret_cast<float*>(to));
  } else if (format.code == WeightCode::palette) {
    packer.write_tables(reinterpret_cast<uint16_t*>(to), form.table_count());
  } else if (format.scale_type == DType::f16) {
    packer.write_group_scales(reinterpret_cast<uint16_t*>(to));
  } else {
    packer.write_group_scales(reinterpret_cast<float*>(to));
  }
}

}  // namespace

PackedPanel::PackedPanel(const WeightFormat& format, const PanelGroups& layout, int64_t depth)
    : format_(format), layout_(layout), depth_(depth), blocks_(padded_depth(depth) / kPanelDepth) {
  block_bytes_ = format.code_bytes(kPanelDepth * layout.columns);
  int64_t head = 0;
  switch (format.code) {
    case WeightCode::s8:
      head = kPanelColumns * static_cast<int64_t>(sizeof(float));
      break;
    case WeightCode::s4:
      head = (depth + format.group - 1) / format.group * layout.columns *
             static_cast<int64_t>(size_of(format.scale_type));
      break;
    case WeightCode::palette:
      head = (int64_t{table_count()} << format.bits) * static_cast<int64_t>(sizeof(uint16_t));
      break;
  }
  head_bytes_ = whole_lines(head);
  bytes_ = head_bytes_ + whole_lines(blocks_ * block_bytes_);
}

void PackedPanel::expand(const ExpandFunctions& functions, const std::byte* panel, int64_t begin,
                         int64_t end, uint16_t* dst) const {
  const int64_t first = begin / kPanelDepth;
  ExpandBlocks work;
  work.codes = reinterpret_cast<const uint8_t*>(panel + head_bytes_ + first * block_bytes_);
  work.dst = dst;
  work.blocks = padded_depth(end) / kPanelDepth - first;
  work.columns = layout_.columns;
  work.group = layout_.group;
  switch (format_.code) {
    case WeightCode::s8:
      functions.s8(work);
      break;
    case WeightCode::s4:
      work.scales = panel;
      work.half_scales = format_.scale_type == DType::f16;
      work.scale_blocks = format_.group / kPanelDepth;
      work.first = first;
      functions.s4(work);
      break;
    case WeightCode::palette:
      work.tables = reinterpret_cast<const uint16_t*>(panel);
      work.table_count = table_count();
      work.bits = format_.bits;
      functions.palette(work);
      break;
  }
  // Beyond the depth there must be zeros, and not every palette has one.
  std::fill(dst + (std::min(end, depth_) - begin) * layout_.columns,
            dst + work.blocks * kPanelDepth * layout_.columns, uint16_t{0});
}

size_t quantized_bytes(const PanelGroups& layout, const QuantizedWeights& w) {
  const int64_t panels = PanelColumns(w.outputs, false, layout.columns).panels();
  return static_cast<size_t>(panels * PackedPanel(w.format, layout, w.depth()).bytes());
}

void pack_quantized(const PanelGroups& layout, const QuantizedWeights& w, bool geglu, int64_t begin,
                    int64_t end, void* packed) noexcept {
  const PanelColumns columns(w.outputs, geglu, layout.columns);
  const PackedPanel form(w.format, layout, w.depth());
  PanelPacker::Codes codes;
  for (int64_t p = begin; p < end; ++p) {
    std::byte* panel = static_cast<std::byte*>(packed) + p * form.bytes();
    std::fill_n(panel, form.bytes(), std::byte{0});
    const PanelPacker packer{w, layout, columns, p};
    write_head(packer, form, panel);
    for (int64_t b = 0; b < form.blocks(); ++b) {
      packer.collect(b * kPanelDepth, codes);
      write_codes(w.format, codes.data(), kPanelDepth * layout.columns,
                  reinterpret_cast<uint8_t*>(panel + form.head_bytes() + b * form.block_bytes()));
    }
  }
}

}  // namespace edgefusion::kernels
