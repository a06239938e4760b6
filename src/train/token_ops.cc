// Ops on ids and timesteps.

#include <ATen/ATen.h>

#include <cmath>

#include "train/op_functions.h"

namespace edgefusion::train {

at::Tensor embedding(const graph::Attrs&, Inputs inputs) {
  const at::Tensor ids = inputs[0].to(at::kLong);
  const at::Tensor& table = inputs[1];
  const at::Tensor inside = ids.ge(0).logical_and(ids.lt(table.size(0)));
  const at::Tensor rows = at::embedding(table, ids.masked_fill(inside.logical_not(), 0));
  return rows.masked_fill(inside.logical_not().unsqueeze(-1), 0.0);
}

at::Tensor timestep_embedding(const graph::Attrs& any, Inputs inputs) {
  const auto& attrs = std::get<graph::TimestepEmbeddingAttrs>(any);
  constexpr double kLogMaxPeriod = 9.210340371976184;  // ln 10000
  const at::Tensor& t = inputs[0];
  const int64_t half = attrs.dim / 2;
  const double steps = static_cast<double>(half) - static_cast<double>(attrs.freq_shift);
  const at::Tensor i = at::arange(half, at::TensorOptions().dtype(at::kFloat).device(t.device()));
  // Rounded to f32 on the way, as the graph's reference is.
  const at::Tensor angle = t.to(at::kFloat).unsqueeze(1) * at::exp(i * -kLogMaxPeriod / steps);
  const at::Tensor sine = at::sin(angle), cosine = at::cos(angle);
  at::Tensor y = attrs.flip_sin_to_cos ? at::cat({cosine, sine}, -1) : at::cat({sine, cosine}, -1);
  return attrs.dim % 2 == 0 ? y : at::constant_pad_nd(y, {0, 1});
}

at::Tensor token_mask(const graph::Attrs& any, Inputs inputs) {
  return inputs[0].ne(std::get<graph::TokenMaskAttrs>(any).padding_id).to(at::kFloat);
}

at::Tensor select_token(const graph::Attrs& any, Inputs inputs) {
  const int32_t token_id = std::get<graph::SelectTokenAttrs>(any).token_id;
  const at::Tensor &x = inputs[0], &ids = inputs[1];
  // Of equal largest values argmax may give any on some devices: positions break the tie.
  const at::Tensor key = token_id == -1 ? ids.to(at::kLong) : ids.eq(token_id).to(at::kLong);
  const at::Tensor later = at::arange(ids.size(1), key.options());
  const at::Tensor position = (key * ids.size(1) - later).argmax(1);
  const at::Tensor index = position.view({-1, 1, 1}).expand({-1, 1, x.size(2)});
  return x.gather(1, index).squeeze(1);
}

}  // namespace edgefusion::train
