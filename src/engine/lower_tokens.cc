#include <algorithm>
#include <cstring>

#include "engine/lowering.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/elementwise/rows.h"

namespace edgefusion::engine {

StepFunction lower_embedding(Lowering& lowering) {
  const auto run = kernels::select_elementwise(lowering.isa(), DType::f32).embedding;
  const Shape& table = lowering.shape(1);
  const graph::Node& weight = lowering.producer(1);
  const DType dtype = lowering.weights().dtype(weight);
  const size_t bytes = static_cast<size_t>(table.elements()) * size_of(dtype);
  std::byte* stored = lowering.weights().place(bytes);
  if (stored != nullptr) {
    Tensor scratch;
    std::memcpy(stored, lowering.weights().tensor(weight, table, scratch).data, bytes);
    lowering.weights().release(weight);
  }
  const auto columns = static_cast<size_t>(table[1]);
  float* dst = lowering.dst<float>();
  const kernels::Embedding args = {.table = stored,
                                   .dtype = dtype,
                                   .ids = lowering.src<int32_t>(0),
                                   .dst = dst,
                                   .ld_dst = columns,
                                   .columns = columns};
  const int64_t rows = lowering.output_shape().rows();
  return [run, args, dst, rows, known = table[0]](const RunContext&) {
    for (int64_t row = 0; row < rows; ++row) {
      if (args.ids[row] >= 0 && args.ids[row] < known) {
        run(args, static_cast<size_t>(row), static_cast<size_t>(row) + 1);
      } else {
        std::fill_n(dst + static_cast<size_t>(row) * args.ld_dst, args.columns, 0.0f);
      }
    }
  };
}

StepFunction lower_timestep_embedding(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::TimestepEmbeddingAttrs>();
  kernels::TimestepEmbedding args;
  args.size = static_cast<size_t>(attrs.dim);
  args.cos_first = attrs.flip_sin_to_cos;
  args.frequency_shift = attrs.freq_shift;
  const float* t = lowering.src<float>(0);
  float* dst = lowering.dst<float>();
  return [args, t, dst, batch = lowering.output_shape()[0]](const RunContext&) {
    for (int64_t n = 0; n < batch; ++n) {
      kernels::timestep_embedding(args, t[n], dst + static_cast<size_t>(n) * args.size);
    }
  };
}

StepFunction lower_token_mask(Lowering& lowering) {
  const int32_t padding_id = lowering.node().as<graph::TokenMaskAttrs>().padding_id;
  const int32_t* ids = lowering.src<int32_t>(0);
  float* dst = lowering.dst<float>();
  return [=, count = lowering.output_shape().elements()](const RunContext&) {
    for (int64_t i = 0; i < count; ++i) dst[i] = ids[i] == padding_id ? 0.0f : 1.0f;
  };
}

StepFunction lower_select_token(Lowering& lowering) {
  const int32_t token_id = lowering.node().as<graph::SelectTokenAttrs>().token_id;
  const Shape& x = lowering.shape(0);
  const float* src = lowering.src<float>(0);
  const int32_t* ids = lowering.src<int32_t>(1);
  float* dst = lowering.dst<float>();
  return [=, batch = x[0], tokens = x[1], width = x[2]](const RunContext&) {
    for (int64_t n = 0; n < batch; ++n) {
      const int32_t* row = ids + n * tokens;
      const int32_t* found = token_id < 0 ? std::max_element(row, row + tokens)
                                          : std::find(row, row + tokens, token_id);
      const int64_t token = found == row + tokens ? 0 : found - row;
      std::copy_n(src + (n * tokens + token) * width, width, dst + n * width);
    }
  };
}

}  // namespace edgefusion::engine
