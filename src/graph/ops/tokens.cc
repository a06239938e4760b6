#include <algorithm>
#include <cstring>

#include "graph/ops/ops.h"
#include "graph/ops/shape_rules.h"

namespace edgefusion::graph {
namespace {

Result<Value> infer_token_mask(const Attrs&, InputValues inputs) {
  const Value& ids = required(inputs, 0);
  EF_TRY_STATUS(check_dtype(ids, "ids", DType::i32));
  EF_TRY_STATUS(check_rank(ids, "ids", 2));
  return make_output(ids.shape);
}

void evaluate_token_mask(const Attrs& any, std::span<const ConstTensorView> inputs,
                         TensorView output) {
  const int32_t padding_id = std::get<TokenMaskAttrs>(any).padding_id;
  const int32_t* ids = inputs[0].as<int32_t>();
  float* y = output.as<float>();
  for (int64_t i = 0; i < output.shape.elements(); ++i) y[i] = ids[i] == padding_id ? 0.0f : 1.0f;
}

std::string describe_token_mask(const Attrs& any) {
  return "padding_id=" + std::to_string(std::get<TokenMaskAttrs>(any).padding_id);
}

Result<Value> infer_select_token(const Attrs&, InputValues inputs) {
  const Value& x = required(inputs, 0);
  const Value& ids = required(inputs, 1);
  EF_TRY_STATUS(check_float(x, "x", 3));
  EF_TRY_STATUS(check_dtype(ids, "ids", DType::i32));
  EF_TRY_STATUS(check_shape(ids, "ids", Shape{x.shape[0], x.shape[1]}));
  return make_output(Shape{x.shape[0], x.shape[2]});
}

// As transformers' CLIPTextModel: an absent token selects position 0.
int64_t selected_position(std::span<const int32_t> ids, int32_t token_id) {
  if (token_id == -1) return std::ranges::max_element(ids) - ids.begin();
  const auto found = std::ranges::find(ids, token_id);
  return found == ids.end() ? 0 : found - ids.begin();
}

void evaluate_select_token(const Attrs& any, std::span<const ConstTensorView> inputs,
                           TensorView output) {
  const int32_t token_id = std::get<SelectTokenAttrs>(any).token_id;
  const int64_t tokens = inputs[0].shape[1];
  const size_t row_bytes = static_cast<size_t>(inputs[0].shape[2]) * sizeof(float);
  for (int64_t n = 0; n < output.shape[0]; ++n) {
    const std::span<const int32_t> ids{inputs[1].as<int32_t>() + n * tokens,
                                       static_cast<size_t>(tokens)};
    const auto row = static_cast<size_t>(n * tokens + selected_position(ids, token_id));
    std::memcpy(output.data + static_cast<size_t>(n) * row_bytes, inputs[0].data + row * row_bytes,
                row_bytes);
  }
}

std::string describe_select_token(const Attrs& any) {
  const int32_t token_id = std::get<SelectTokenAttrs>(any).token_id;
  return token_id == -1 ? "largest_id" : "token_id=" + std::to_string(token_id);
}

}  // namespace

OpInfo token_mask_op() {
  return {OpKind::token_mask,  "token_mask",       infer_token_mask, no_macs,
          evaluate_token_mask, describe_token_mask};
}

OpInfo select_token_op() {
  return {OpKind::select_token,  "select_token",       infer_select_token, no_macs,
          evaluate_select_token, describe_select_token};
}

}  // namespace edgefusion::graph
