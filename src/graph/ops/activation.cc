#include "graph/ops/ops.h"
#include "graph/ops/reference.h"
#include "graph/ops/shape_rules.h"

namespace edgefusion::graph {
namespace {

Result<Value> infer_activation(const Attrs&, InputValues inputs) {
  const Value& x = required(inputs, 0);
  EF_TRY_STATUS(check_dtype(x, "x", DType::f32));
  return make_output(x.shape);
}

void evaluate_activation(const Attrs& any, std::span<const ConstTensorView> inputs,
                         TensorView output) {
  const Activation kind = std::get<ActivationAttrs>(any).kind;
  const float* x = inputs[0].as<float>();
  float* y = output.as<float>();
  for (int64_t i = 0; i < output.shape.elements(); ++i) {
    y[i] = static_cast<float>(activate(kind, static_cast<double>(x[i])));
  }
}

std::string describe_activation(const Attrs& any) {
  return std::string(to_string(std::get<ActivationAttrs>(any).kind));
}

// Gated GELU (Shazeer 2020, as diffusers' GEGLU): the first half times gelu of the second.
Result<Value> infer_geglu(const Attrs&, InputValues inputs) {
  const Value& x = required(inputs, 0);
  EF_TRY_STATUS(check_dtype(x, "x", DType::f32));
  if (x.shape.rank() < 1 || x.shape[-1] % 2 != 0) {
    return refuse("x has shape " + x.shape.to_string() + ", expected an even last axis");
  }
  Shape shape = x.shape;
  shape.set(-1, x.shape[-1] / 2);
  return make_output(shape);
}

void evaluate_geglu(const Attrs&, std::span<const ConstTensorView> inputs, TensorView output) {
  const int64_t width = output.shape[-1];
  for (int64_t r = 0; r < output.shape.rows(); ++r) {
    const float* x = inputs[0].as<float>() + r * 2 * width;
    float* y = output.as<float>() + r * width;
    for (int64_t c = 0; c < width; ++c) {
      const double gate = activate(Activation::gelu, static_cast<double>(x[width + c]));
      y[c] = static_cast<float>(static_cast<double>(x[c]) * gate);
    }
  }
}

}  // namespace

OpInfo activation_op() {
  return {OpKind::activation,  "activation",       infer_activation, no_macs,
          evaluate_activation, describe_activation};
}

OpInfo geglu_op() {
  return {OpKind::geglu, "geglu", infer_geglu, no_macs, evaluate_geglu, no_description};
}

}  // namespace edgefusion::graph
