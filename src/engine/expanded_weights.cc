#include "engine/expanded_weights.h"

#include <algorithm>

#include "engine/int8_weights.h"
#include "engine/matrix_shapes.h"

namespace edgefusion::engine {
namespace {

using graph::ConvSlots;
using graph::Scheme;

std::optional<WeightCode> code_of(Scheme scheme) {
  switch (scheme) {
    case Scheme::w8a16:
      return WeightCode::s8;
    case Scheme::w4a16:
      return WeightCode::s4;
    case Scheme::palette4:
      return WeightCode::palette4;
    case Scheme::palette5:
      return WeightCode::palette5;
    case Scheme::palette6:
      return WeightCode::palette6;
    default:
      return std::nullopt;
  }
}

kernels::WeightFormat format_of(WeightCode code, const QuantizedTensor* first) {
  kernels::WeightFormat format;
  format.bits = bits_of(code);
  if (code == WeightCode::s8) return format;
  format.code = code == WeightCode::s4 ? kernels::WeightCode::s4 : kernels::WeightCode::palette;
  if (first->group != 0) format.group = first->group;
  if (first->rows_per_palette != 0) format.rows_per_palette = first->rows_per_palette;
  return format;
}

/// Tensors that lie one below the other have one format, and no palette reaches across.
bool can_be_stacked(const std::vector<const QuantizedTensor*>& parts, WeightCode code) {
  return std::ranges::all_of(parts, [&](const QuantizedTensor* part) {
    const QuantizedTensor& first = *parts.front();
    const bool same = part->code == code && part->group == first.group &&
                      part->rows_per_palette == first.rows_per_palette &&
                      part->input_scale.empty() && part->hadamard == 0;
    const bool whole = parts.size() == 1 || part->rows_per_palette == 0 ||
                       part->outputs() % part->rows_per_palette == 0;
    return same && whole;
  });
}

}  // namespace

std::optional<FewBitWeights> few_bit_format(Lowering& lowering, bool geglu) {
  const graph::LayerQuantization* layer = quantization_of(lowering.node());
  const auto code = layer == nullptr ? std::nullopt : code_of(layer->scheme);
  if (!code) return std::nullopt;
  const auto parts = lowering.weights().quantized(lowering.producer(ConvSlots::weight));
  const bool has_codes = !parts.empty() && can_be_stacked(parts, *code);
  if (!has_codes && *code != WeightCode::s8) return std::nullopt;
  const Shape& shape = lowering.shape(ConvSlots::weight);
  FewBitWeights weights;
  weights.view = {.format = format_of(*code, has_codes ? parts.front() : nullptr),
                  .outputs = shape[0],
                  .inputs = shape[1],
                  .taps = shape.rank() == 4 ? shape[2] * shape[3] : 1};
  if (!kernels::takes_format(weights.view.format, shape[0], geglu)) return std::nullopt;
  return weights;
}

void load_codes(Lowering& lowering, FewBitWeights& weights) {
  if (weights.view.format.code == kernels::WeightCode::s8) {
    const S8Weights rounded = s8_weights(lowering, *quantization_of(lowering.node()));
    const auto bytes = std::as_bytes(std::span(rounded.codes));
    weights.codes.assign(bytes.begin(), bytes.end());
    weights.scales = rounded.scales;
  } else {
    for (const QuantizedTensor* part :
         lowering.weights().quantized(lowering.producer(ConvSlots::weight))) {
      weights.codes.insert(weights.codes.end(), part->codes, part->codes + part->code_bytes);
      const kernels::QuantizedWeights sizes = {.format = weights.view.format,
                                               .outputs = part->outputs(),
                                               .inputs = part->inputs(),
                                               .taps = part->taps()};
      const float* numbers = part->code == WeightCode::s4 ? part->scales : part->palettes;
      weights.scales.insert(weights.scales.end(), numbers, numbers + sizes.scale_count());
    }
  }
  weights.view.codes = weights.codes.data();
  weights.view.scales = weights.scales.data();
}

}  // namespace edgefusion::engine
