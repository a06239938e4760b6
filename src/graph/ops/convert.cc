#include "graph/ops/ops.h"
#include "graph/ops/shape_rules.h"

// Between the types in which activations are stored: f32 and bf16.

namespace edgefusion::graph {
namespace {

bool is_stored_type(DType dtype) { return dtype == DType::f32 || dtype == DType::bf16; }

Result<Value> infer_convert(const Attrs& any, InputValues inputs) {
  const DType to = std::get<ConvertAttrs>(any).to;
  const Value& x = required(inputs, 0);
  if (!is_stored_type(x.dtype) || !is_stored_type(to)) {
    return refuse("x is " + std::string(to_string(x.dtype)) + ", converted to " +
                  std::string(to_string(to)) + ", expected f32 or bf16");
  }
  return make_output(x.shape, to);
}

void evaluate_convert(const Attrs&, std::span<const ConstTensorView> inputs, TensorView output) {
  for (int64_t i = 0; i < output.shape.elements(); ++i) {
    const float value = load_as_f32(inputs[0], i);
    if (output.dtype == DType::f32) {
      output.as<float>()[i] = value;
    } else {
      output.as<uint16_t>()[i] = f32_to_bf16(value);
    }
  }
}

std::string describe_convert(const Attrs& any) {
  return std::string(to_string(std::get<ConvertAttrs>(any).to));
}

}  // namespace

OpInfo convert_op() {
  return {OpKind::convert, "convert", infer_convert, no_macs, evaluate_convert, describe_convert};
}

}  // namespace edgefusion::graph
