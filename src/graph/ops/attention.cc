#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "graph/ops/ops.h"
#include "graph/ops/reference.h"
#include "graph/ops/shape_rules.h"

// Per head: y = softmax(scale * q k^T) v. Heads are contiguous parts of the last axis, as after the
// projections of every CLIP, U-Net and VAE. A key is left out where key_mask is 0 and, if causal,
// where it comes after the query; a query that has no key left gives zeros.

namespace edgefusion::graph {
namespace {

Status check_heads(const AttentionAttrs& attrs, const Shape& q, const Shape& v) {
  if (attrs.heads >= 1 && q[2] % attrs.heads == 0 && v[2] % attrs.heads == 0) return {};
  return refuse(std::to_string(attrs.heads) + " heads do not divide q " + q.to_string() +
                " and v " + v.to_string());
}

Result<Value> infer(const Attrs& any, InputValues inputs) {
  const auto& attrs = std::get<AttentionAttrs>(any);
  const Value& q = required(inputs, AttentionSlots::q);
  const Value& k = required(inputs, AttentionSlots::k);
  const Value& v = required(inputs, AttentionSlots::v);
  EF_TRY_STATUS(check_float(q, "q", 3));
  EF_TRY_STATUS(check_float(k, "k", 3));
  EF_TRY_STATUS(check_float(v, "v", 3));
  const int64_t batch = q.shape[0], tokens_q = q.shape[1], tokens_k = k.shape[1];
  EF_TRY_STATUS(check_shape(k, "k", Shape{batch, tokens_k, q.shape[2]}));
  EF_TRY_STATUS(check_shape(v, "v", Shape{batch, tokens_k, v.shape[2]}));
  EF_TRY_STATUS(check_heads(attrs, q.shape, v.shape));
  if (!std::isfinite(attrs.scale)) return refuse("scale is not a finite number");
  if (attrs.causal && tokens_q != tokens_k) {
    return refuse("causal attention of " + std::to_string(tokens_q) + " queries to " +
                  std::to_string(tokens_k) + " keys");
  }
  if (const Value* mask = optional_input(inputs, AttentionSlots::key_mask)) {
    EF_TRY_STATUS(check_dtype(*mask, "key_mask", DType::f32));
    EF_TRY_STATUS(check_shape(*mask, "key_mask", Shape{batch, tokens_k}));
  }
  EF_TRY_STATUS(check_macs({batch, tokens_q, tokens_k, q.shape[2] + v.shape[2]}));
  return make_output(Shape{batch, tokens_q, v.shape[2]});
}

int64_t macs(const Attrs&, InputValues inputs, const Value& output) {
  const Shape& q = required(inputs, AttentionSlots::q).shape;
  const Shape& k = required(inputs, AttentionSlots::k).shape;
  return q[0] * q[1] * k[1] * (q[2] + output.shape[2]);
}

// One head's part of [T, channels] as [T, width] in double.
std::vector<double> head_part(const float* data, int64_t tokens, int64_t channels, int64_t width) {
  std::vector<double> part(static_cast<size_t>(tokens * width));
  for (int64_t t = 0; t < tokens; ++t) {
    std::copy_n(data + t * channels, width, part.begin() + t * width);
  }
  return part;
}

std::vector<double> transposed_head(const float* data, int64_t tokens, int64_t channels,
                                    int64_t width) {
  std::vector<double> part(static_cast<size_t>(tokens * width));
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t c = 0; c < width; ++c) {
      part[static_cast<size_t>(c * tokens + t)] = static_cast<double>(data[t * channels + c]);
    }
  }
  return part;
}

// scores -> weights that add up to 1 over the keys kept, 0 elsewhere.
void masked_softmax(std::span<double> scores, const float* mask, int64_t keys_seen, double scale) {
  const auto kept = [&](size_t t) {
    return static_cast<int64_t>(t) < keys_seen && (mask == nullptr || mask[t] != 0.0f);
  };
  double largest = -std::numeric_limits<double>::infinity();
  for (size_t t = 0; t < scores.size(); ++t) {
    scores[t] *= scale;
    if (kept(t)) largest = std::max(largest, scores[t]);
  }
  double sum = 0;
  for (size_t t = 0; t < scores.size(); ++t) {
    scores[t] = kept(t) ? std::exp(scores[t] - largest) : 0.0;
    sum += scores[t];
  }
  for (double& score : scores) score = sum == 0 ? 0.0 : score / sum;
}

// One head of one batch item: pointers at its first channel, rows `channels` apart.
struct Head {
  const float *q, *k, *v, *mask;
  float* y;
  int64_t tokens_q, tokens_k, width_qk, width_v, channels_qk, channels_v;
};

void attend(const Head& h, const AttentionAttrs& attrs) {
  const auto keys = transposed_head(h.k, h.tokens_k, h.channels_qk, h.width_qk);
  const auto values = head_part(h.v, h.tokens_k, h.channels_v, h.width_v);
  std::vector<double> query(static_cast<size_t>(h.width_qk));
  std::vector<double> scores(static_cast<size_t>(h.tokens_k));
  std::vector<double> sums(static_cast<size_t>(h.width_v));
  for (int64_t t = 0; t < h.tokens_q; ++t) {
    std::copy_n(h.q + t * h.channels_qk, h.width_qk, query.begin());
    std::fill(scores.begin(), scores.end(), 0.0);
    multiply_row(query, keys.data(), scores);
    const int64_t keys_seen = attrs.causal ? t + 1 : h.tokens_k;
    masked_softmax(scores, h.mask, keys_seen, static_cast<double>(attrs.scale));
    std::fill(sums.begin(), sums.end(), 0.0);
    multiply_row(scores, values.data(), sums);
    store_row(sums, {}, h.y + t * h.channels_v);
  }
}

void evaluate(const Attrs& any, std::span<const ConstTensorView> inputs, TensorView output) {
  const auto& attrs = std::get<AttentionAttrs>(any);
  const Shape& q = inputs[AttentionSlots::q].shape;
  const Shape& v = inputs[AttentionSlots::v].shape;
  const float* mask = optional_data(inputs, AttentionSlots::key_mask);
  Head head{};
  head.tokens_q = q[1], head.tokens_k = v[1];
  head.channels_qk = q[2], head.channels_v = v[2];
  head.width_qk = q[2] / attrs.heads, head.width_v = v[2] / attrs.heads;
  for (int64_t n = 0; n < q[0]; ++n) {
    for (int64_t h = 0; h < attrs.heads; ++h) {
      const int64_t column_qk = h * head.width_qk, column_v = h * head.width_v;
      head.q = inputs[AttentionSlots::q].as<float>() + n * q[1] * q[2] + column_qk;
      head.k = inputs[AttentionSlots::k].as<float>() + n * v[1] * q[2] + column_qk;
      head.v = inputs[AttentionSlots::v].as<float>() + n * v[1] * v[2] + column_v;
      head.y = output.as<float>() + n * q[1] * v[2] + column_v;
      head.mask = mask == nullptr ? nullptr : mask + n * v[1];
      attend(head, attrs);
    }
  }
}

std::string describe(const Attrs& any) {
  const auto& attrs = std::get<AttentionAttrs>(any);
  return "heads=" + std::to_string(attrs.heads) + " scale=" + float_text(attrs.scale) +
         (attrs.causal ? " causal" : "");
}

}  // namespace

OpInfo attention_op() { return {OpKind::attention, "attention", infer, macs, evaluate, describe}; }

}  // namespace edgefusion::graph
