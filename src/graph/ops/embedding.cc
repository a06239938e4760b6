#include <cstring>

#include "graph/ops/ops.h"
#include "graph/ops/shape_rules.h"

namespace edgefusion::graph {
namespace {

Result<Value> infer(const Attrs&, InputValues inputs) {
  const Value& ids = required(inputs, 0);
  const Value& table = required(inputs, 1);
  EF_TRY_STATUS(check_dtype(ids, "ids", DType::i32));
  EF_TRY_STATUS(check_rank(ids, "ids", 2));
  EF_TRY_STATUS(check_float(table, "table", 2));
  return make_output(Shape{ids.shape[0], ids.shape[1], table.shape[1]});
}

void evaluate(const Attrs&, std::span<const ConstTensorView> inputs, TensorView output) {
  const int64_t rows = inputs[1].shape[0];
  const size_t row_bytes = static_cast<size_t>(inputs[1].shape[1]) * sizeof(float);
  const int32_t* ids = inputs[0].as<int32_t>();
  for (int64_t t = 0; t < inputs[0].shape.elements(); ++t) {
    std::byte* dst = output.data + static_cast<size_t>(t) * row_bytes;
    if (ids[t] < 0 || ids[t] >= rows) {
      std::memset(dst, 0, row_bytes);
    } else {
      std::memcpy(dst, inputs[1].data + static_cast<size_t>(ids[t]) * row_bytes, row_bytes);
    }
  }
}

}  // namespace

OpInfo embedding_op() {
  return {OpKind::embedding, "embedding", infer, no_macs, evaluate, no_description};
}

}  // namespace edgefusion::graph
