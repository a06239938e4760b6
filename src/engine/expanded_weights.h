#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/lowering.h"
#include "graph/quantization.h"
#include "kernels/matrix/expanded/quantized_weights.h"

namespace edgefusion::engine {

/// Weights of few bits as a kernel takes them, with the memory they lie in.
struct FewBitWeights {
  kernels::QuantizedWeights view;  ///< no codes before load_codes()
  std::vector<std::byte> codes;
  std::vector<float> scales;
};

/// The format in which the layer that the lowering stands at has its weights, if its scheme is one
/// of few bits with bf16 activations and the file has codes of that kind (or it is w8a16, to which
/// floats are rounded): sizes and format alone. Nothing: it runs in bf16.
std::optional<FewBitWeights> few_bit_format(Lowering& lowering, bool geglu);

/// Fills in the codes.
void load_codes(Lowering& lowering, FewBitWeights& weights);

}  // namespace edgefusion::engine
