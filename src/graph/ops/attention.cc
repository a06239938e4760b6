#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "graph/ops/ops.h"
#include "graph/ops/reference.h"
#include "graph/ops/shape_rules.h"

// Per head: y = softmax(scale * q k^T) v. Heads are contiguous parts of the last axis, as after the
// projections of every CLIP, U-Net and VAE. A key is left out where key_mask is 0 and, if causal,
// where it comes after the query; a query that has no key left gives zeros. q, k and v are their
// operands or ranges of columns of them.

namespace edgefusion::graph {
namespace {

Status check_heads(const AttentionAttrs& attrs, const Shape& q, const Shape& v) {
  if (attrs.heads >= 1 && q[2] % attrs.heads == 0 && v[2] % attrs.heads == 0) return {};
  return refuse(std::to_string(attrs.heads) + " heads do not divide q " + q.to_string() +
                " and v " + v.to_string());
}

// The range lies within the last axis.
Status check_columns(const Value& value, std::string_view what, int64_t begin, int64_t width) {
  if (begin >= 0 && width >= 1 && width <= value.shape[2] && begin <= value.shape[2] - width) {
    return {};
  }
  return refuse(std::string(what) + " has shape " + value.shape.to_string() + ", expected " +
                std::to_string(width) + " columns from " + std::to_string(begin) + " on");
}

Status check_mask(InputValues inputs, int64_t batch, int64_t keys) {
  const Value* mask = optional_input(inputs, AttentionSlots::key_mask);
  if (mask == nullptr) return {};
  EF_TRY_STATUS(check_dtype(*mask, "key_mask", DType::f32));
  return check_shape(*mask, "key_mask", Shape{batch, keys});
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
  const int64_t width_qk = attrs.width_of_qk(q.shape), width_v = attrs.width_of_v(v.shape);
  const int64_t k_channels = attrs.qk_width == 0 ? q.shape[2] : k.shape[2];
  EF_TRY_STATUS(check_shape(k, "k", Shape{batch, tokens_k, k_channels}));
  EF_TRY_STATUS(check_shape(v, "v", Shape{batch, tokens_k, v.shape[2]}));
  EF_TRY_STATUS(check_columns(q, "q", attrs.q_begin, width_qk));
  EF_TRY_STATUS(check_columns(k, "k", attrs.k_begin, width_qk));
  EF_TRY_STATUS(check_columns(v, "v", attrs.v_begin, width_v));
  EF_TRY_STATUS(
      check_heads(attrs, Shape{batch, tokens_q, width_qk}, Shape{batch, tokens_k, width_v}));
  if (!std::isfinite(attrs.scale)) return refuse("scale is not a finite number");
  if (attrs.causal && tokens_q != tokens_k) {
    return refuse("causal attention of " + std::to_string(tokens_q) + " queries to " +
                  std::to_string(tokens_k) + " keys");
  }
  EF_TRY_STATUS(check_mask(inputs, batch, tokens_k));
  EF_TRY_STATUS(check_macs({batch, tokens_q, tokens_k, width_qk + width_v}));
  return make_output(Shape{batch, tokens_q, width_v});
}

int64_t macs(const Attrs& any, InputValues inputs, const Value& output) {
  const Shape& q = required(inputs, AttentionSlots::q).shape;
  const Shape& k = required(inputs, AttentionSlots::k).shape;
  const int64_t width_qk = std::get<AttentionAttrs>(any).width_of_qk(q);
  return q[0] * q[1] * k[1] * (width_qk + output.shape[2]);
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

// One head of one batch item: pointers at its first channel, rows `*_stride` apart.
struct Head {
  const float *q, *k, *v, *mask;
  float* y;
  int64_t tokens_q, tokens_k, width_qk, width_v;
  int64_t q_stride, k_stride, v_stride, y_stride;
};

void attend(const Head& h, const AttentionAttrs& attrs) {
  const auto keys = transposed_head(h.k, h.tokens_k, h.k_stride, h.width_qk);
  const auto values = head_part(h.v, h.tokens_k, h.v_stride, h.width_v);
  std::vector<double> query(static_cast<size_t>(h.width_qk));
  std::vector<double> scores(static_cast<size_t>(h.tokens_k));
  std::vector<double> sums(static_cast<size_t>(h.width_v));
  for (int64_t t = 0; t < h.tokens_q; ++t) {
    std::copy_n(h.q + t * h.q_stride, h.width_qk, query.begin());
    std::fill(scores.begin(), scores.end(), 0.0);
    multiply_row(query, keys.data(), scores);
    const int64_t keys_seen = attrs.causal ? t + 1 : h.tokens_k;
    masked_softmax(scores, h.mask, keys_seen, static_cast<double>(attrs.scale));
    std::fill(sums.begin(), sums.end(), 0.0);
    multiply_row(scores, values.data(), sums);
    store_row(sums, {}, h.y + t * h.y_stride);
  }
}

void evaluate(const Attrs& any, std::span<const ConstTensorView> inputs, TensorView output) {
  const auto& attrs = std::get<AttentionAttrs>(any);
  const Shape& q = inputs[AttentionSlots::q].shape;
  const Shape& k = inputs[AttentionSlots::k].shape;
  const Shape& v = inputs[AttentionSlots::v].shape;
  const float* mask = optional_data(inputs, AttentionSlots::key_mask);
  Head head{};
  head.tokens_q = q[1], head.tokens_k = k[1];
  head.q_stride = q[2], head.k_stride = k[2], head.v_stride = v[2], head.y_stride = output.shape[2];
  head.width_qk = attrs.width_of_qk(q) / attrs.heads;
  head.width_v = output.shape[2] / attrs.heads;
  for (int64_t n = 0; n < q[0]; ++n) {
    for (int64_t h = 0; h < attrs.heads; ++h) {
      const int64_t column_qk = h * head.width_qk, column_v = h * head.width_v;
      const auto first = [&](int slot, int64_t begin) {
        const ConstTensorView& operand = inputs[static_cast<size_t>(slot)];
        return operand.as<float>() + n * operand.shape[1] * operand.shape[2] + begin;
      };
      head.q = first(AttentionSlots::q, attrs.q_begin + column_qk);
      head.k = first(AttentionSlots::k, attrs.k_begin + column_qk);
      head.v = first(AttentionSlots::v, attrs.v_begin + column_v);
      head.y = output.as<float>() + n * q[1] * head.y_stride + column_v;
      head.mask = mask == nullptr ? nullptr : mask + n * k[1];
      attend(head, attrs);
    }
  }
}

std::string columns_text(std::string_view operand, int64_t begin, int64_t width) {
  return " " + std::string(operand) + "=" + std::to_string(begin) + ":" +
         std::to_string(begin + width);
}

std::string describe(const Attrs& any) {
  const auto& attrs = std::get<AttentionAttrs>(any);
  std::string text = "heads=" + std::to_string(attrs.heads) + " scale=" + float_text(attrs.scale);
  if (attrs.causal) text += " causal";
  if (attrs.qk_width != 0) {
    text += columns_text("q", attrs.q_begin, attrs.qk_width);
    text += columns_text("k", attrs.k_begin, attrs.qk_width);
  }
  if (attrs.v_width != 0) text += columns_text("v", attrs.v_begin, attrs.v_width);
  return text;
}

}  // namespace

OpInfo attention_op() { return {OpKind::attention, "attention", infer, macs, evaluate, describe}; }

}  // namespace edgefusion::graph
