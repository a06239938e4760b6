#include <cstring>

#include "graph/ops/ops.h"
#include "graph/ops/shape_rules.h"

namespace edgefusion::graph {
namespace {

Result<Value> infer(const Attrs& any, InputValues inputs) {
  const auto& attrs = std::get<ResizeAttrs>(any);
  const Value& x = required(inputs, 0);
  EF_TRY_STATUS(check_float(x, "x", 4));
  return make_output(Shape{x.shape[0], attrs.height, attrs.width, x.shape[3]});
}

void evaluate(const Attrs&, std::span<const ConstTensorView> inputs, TensorView output) {
  const Shape &in = inputs[0].shape, &out = output.shape;
  const size_t pixel_bytes = static_cast<size_t>(in[3]) * sizeof(float);
  std::byte* dst = output.data;
  for (int64_t row = 0; row < out[0] * out[1]; ++row) {
    const int64_t n = row / out[1], h = row % out[1] * in[1] / out[1];
    for (int64_t w = 0; w < out[2]; ++w, dst += pixel_bytes) {
      const int64_t pixel = (n * in[1] + h) * in[2] + w * in[2] / out[2];
      std::memcpy(dst, inputs[0].data + static_cast<size_t>(pixel) * pixel_bytes, pixel_bytes);
    }
  }
}

std::string describe(const Attrs& any) {
  const auto& attrs = std::get<ResizeAttrs>(any);
  return "size=" + std::to_string(attrs.height) + "x" + std::to_string(attrs.width);
}

}  // namespace

OpInfo resize_nearest_op() {
  return {OpKind::resize_nearest, "resize_nearest", infer, no_macs, evaluate, describe};
}

}  // namespace edgefusion::graph
