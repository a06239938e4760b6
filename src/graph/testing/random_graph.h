#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/builder.h"
#include "graph/testing/given_weights.h"

namespace edgefusion::graph {

struct RandomGraphSizes {
  int64_t batch = 2, height = 4, width = 4, channels = 4;  ///< channels: even
};

/// A seeded graph with everything the passes look for, at random places: chains of convolutions,
/// norms, activations, adds, linears, attention to itself and to another picture, gated linears,
/// joined pictures, upsampling, reshapes and constants, with values that have several users and
/// outputs in the middle. Inputs: two pictures "x" and "context", a vector "time" per item. Weights
/// and inputs are small and random.
class RandomGraph {
 public:
  explicit RandomGraph(uint32_t seed, const RandomGraphSizes& sizes = {})
      : channels_(sizes.channels), random_(seed) {
    GraphBuilder builder("random", nullptr);
    g_ = &builder;
    const Shape picture{sizes.batch, sizes.height, sizes.width, channels_};
    pictures_ = {given("context", picture), given("x", picture)};
    vectors_ = {given("time", {sizes.batch, channels_})};
    for (int i = 0; i < kSteps; ++i) add_step(i);
    g_->output("last", pictures_.back());
    graph_ = *builder.finish();
    g_ = nullptr;
    give_weights();
  }

  const Graph& graph() const { return graph_; }
  const GivenWeights& weights() const { return weights_; }
  const std::map<std::string, Tensor>& inputs() const { return inputs_; }

 private:
  static constexpr int kSteps = 18;

  ValueId given(const char* name, const Shape& shape) {
    inputs_[name] = noise(shape);
    return g_->input(name, shape);
  }

  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }

  // Mostly the newest value, so that chains arise; at times an old one, so that values are shared.
  ValueId any_picture() {
    if (pick(3) != 0) return pictures_.back();
    return pictures_[static_cast<size_t>(pick(static_cast<int>(pictures_.size())))];
  }

  ValueId partner_of(ValueId x) {
    for (int i = 0; i < 8; ++i) {
      const ValueId candidate = any_picture();
      if (g_->shape(candidate) == g_->shape(x)) return candidate;
    }
    return x;
  }

  Tensor noise(const Shape& shape) {
    Tensor tensor(shape, DType::f32);
    std::uniform_real_distribution<float> uniform(-0.6f, 0.6f);
    for (float& x : tensor.values<float>()) x = uniform(random_);
    return tensor;
  }

  Activation any_activation() { return kActivations[1 + static_cast<size_t>(pick(7))].activation; }

  ValueId tokens_of(ValueId x) {
    const Shape picture = g_->shape(x);
    return g_->reshape(x, {picture[0], picture[1] * picture[2], channels_});
  }

  // Keys or values: mostly a projection, with or without a bias; at times the tokens themselves.
  ValueId keys_from(ValueId tokens, const WeightScope& w) {
    if (pick(4) == 0) return tokens;
    return g_->linear(tokens, w, channels_, pick(2) == 0);
  }

  ValueId attention(ValueId x, ValueId context, const WeightScope& w) {
    const ValueId tokens = tokens_of(x);
    const ValueId seen = context == x ? tokens : tokens_of(context);
    const ValueId q = g_->linear(tokens, w / "q", channels_, pick(2) == 0);
    const ValueId k = keys_from(seen, w / "k");
    const ValueId y =
        g_->attention({q, k, keys_from(seen, w / "v"), kNoValue}, {.heads = 2, .scale = 0.7f});
    const Shape picture = g_->shape(x);
    return g_->reshape(g_->reshape(y, {picture.elements()}), picture);
  }

  // A residual block on two pictures joined, of widths that need not end where a group ends.
  ValueId joined(ValueId x, const WeightScope& w) {
    const ValueId skip = g_->linear(partner_of(x), w / "skip", pick(2) == 0 ? 2 : 8);
    const ValueId both = g_->concat({x, skip});
    const ValueId h = g_->silu(g_->group_norm(both, w / "norm", 2, 1e-3f));
    if (pick(4) == 0) return g_->linear(g_->add(h, both), w / "conv", channels_);
    const ValueId shortcut =
        g_->conv2d(both, w / "shortcut", channels_, {.kernel = 1, .padding = 0});
    return g_->add(g_->conv2d(h, w / "conv", channels_), shortcut);
  }

  // The newest vector per item goes through a layer, or into the picture, or into what a
  // convolution makes of it.
  ValueId with_time(ValueId x, const WeightScope& w) {
    if (pick(2) == 0) vectors_.push_back(g_->silu(g_->linear(vectors_.back(), w, channels_)));
    if (pick(2) == 0) x = g_->conv2d(x, w / "conv", channels_);
    return g_->add(x, vectors_.back());
  }

  ValueId upsample(ValueId x, const WeightScope& w) {
    const Shape picture = g_->shape(x);
    if (picture[1] > 8) return g_->conv2d(x, w, channels_, {.stride = 2});
    const ValueId larger = g_->resize_nearest(x, 2 * picture[1], 2 * picture[2]);
    return g_->conv2d(larger, w, channels_, {.stride = 1 + pick(2)});
  }

  void add_step(int i) {
    const WeightScope w = WeightScope("step") / i;
    const ValueId x = any_picture();
    ValueId y = x;
    switch (pick(14)) {
      case 0:
        y = g_->conv2d(x, w, channels_, {.bias = pick(2) == 0});
        break;
      case 1:
        y = g_->linear(x, w, channels_);
        break;
      case 2:
        y = g_->activation(g_->conv2d(x, w, channels_), any_activation());
        break;
      case 3:
        y = g_->activation(g_->group_norm(x, w, 2, 1e-3f), any_activation());
        break;
      case 4:
        y = g_->add(partner_of(x), g_->conv2d(x, w, channels_));
        break;
      case 5:
        y = g_->add(g_->linear(x, w, channels_), partner_of(x));
        break;
      case 6:
        y = g_->activation(x, any_activation());
        break;
      case 7:
        y = attention(x, x, w);
        break;
      case 8:
        y = attention(x, any_picture(), w);
        break;
      case 9:
        y = upsample(x, w);
        break;
      case 10:
        y = g_->geglu(g_->linear(x, w, 2 * channels_, pick(2) == 0));
        break;
      case 11:
        y = joined(x, w);
        break;
      case 12:
        y = with_time(x, w);
        break;
      default: {
        const ValueId constant = g_->constant("c", noise({channels_}));
        y = g_->mul(g_->affine(x, 1.0f, 0.0f), g_->affine(constant, 2.0f, 0.5f));
      }
    }
    pictures_.push_back(y);
    const bool made_here = y != x && !graph_has_output(y);
    if (made_here && pick(5) == 0) tap(y, i);
  }

  bool graph_has_output(ValueId id) const {
    return std::find(tapped_.begin(), tapped_.end(), id) != tapped_.end();
  }

  void tap(ValueId y, int i) {
    g_->output("tap" + std::to_string(i), y);
    tapped_.push_back(y);
  }

  // Deviations fall with the number of inputs, so that values stay ordinary however wide the layer.
  void give_weights() {
    for (const Node& node : graph_.nodes()) {
      if (node.op != OpKind::weight) continue;
      const Shape& shape = graph_.value(node.output).shape;
      Tensor weight = noise(shape);
      constexpr float kPlainInputs = 36.0f;
      const auto inputs = static_cast<float>(shape.elements() / shape[0]);
      if (inputs > kPlainInputs) {
        for (float& x : weight.values<float>()) x *= std::sqrt(kPlainInputs / inputs);
      }
      weights_.set(node.as<WeightAttrs>().tensors.front(), std::move(weight));
    }
  }

  int64_t channels_;
  std::mt19937 random_;
  GraphBuilder* g_ = nullptr;  // while the constructor runs
  std::vector<ValueId> pictures_, vectors_, tapped_;
  Graph graph_;
  GivenWeights weights_;
  std::map<std::string, Tensor> inputs_;
};

}  // namespace edgefusion::graph
