#include "graph/ops/ops.h"
#include "graph/ops/shape_rules.h"

// Values that no arithmetic makes: their shapes come from the caller, their data from outside.

namespace edgefusion::graph {
namespace {

Result<Value> infer_source(const Attrs&, InputValues) {
  EF_CHECK(false, "the shape of a source is given, not inferred");
}

void evaluate_source(const Attrs&, std::span<const ConstTensorView>, TensorView) {
  EF_CHECK(false, "a source has nothing to compute");
}

std::string describe_weight(const Attrs& attrs) {
  const auto& tensors = std::get<WeightAttrs>(attrs).tensors;
  std::string text = "tensors=";
  for (size_t i = 0; i < tensors.size(); ++i) text += (i == 0 ? "" : "+") + tensors[i];
  return text;
}

OpInfo source(OpKind kind, std::string_view name, std::string (*describe)(const Attrs&)) {
  return {kind, name, infer_source, no_macs, evaluate_source, describe};
}

}  // namespace

OpInfo input_op() { return source(OpKind::input, "input", no_description); }
OpInfo weight_op() { return source(OpKind::weight, "weight", describe_weight); }
OpInfo constant_op() { return source(OpKind::constant, "constant", no_description); }

}  // namespace edgefusion::graph
