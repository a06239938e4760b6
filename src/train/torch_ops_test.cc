#include "train/torch_ops.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "graph/evaluate.h"
#include "graph/passes/passes.h"
#include "graph/testing/op_case.h"
#include "graph/testing/random_graph.h"
#include "train/run_graph.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

using namespace graph;  // the ops' vocabulary

/// Largest difference relative to the largest expected value.
double difference(const Tensor& found, const Tensor& expected) {
  EXPECT_EQ(found.shape(), expected.shape());
  double largest = 1e-3, worst = 0;
  for (int64_t i = 0; i < expected.elements(); ++i) {
    const double wanted = static_cast<double>(expected.values<float>()[static_cast<size_t>(i)]);
    const double got = static_cast<double>(found.values<float>()[static_cast<size_t>(i)]);
    largest = std::max(largest, std::abs(wanted));
    worst = std::max(worst, std::abs(got - wanted));
    if (std::isnan(got)) return got;
  }
  return worst / largest;
}

void expect_matches_reference(OpKind op, const Attrs& attrs, const std::vector<Tensor>& operands) {
  SCOPED_TRACE(op_info(op).name);
  Node node;
  node.op = op;
  node.attrs = attrs;
  std::vector<at::Tensor> inputs;
  for (const Tensor& operand : operands) {
    inputs.push_back(operand.elements() == 0 ? at::Tensor() : to_torch(operand.view()));
  }
  EXPECT_LT(difference(to_tensor(apply_op(node, inputs)), run_op(op, attrs, operands)), 1e-5);
}

TEST(TorchOps, RandomNetworksGiveWhatTheReferenceGives) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const RandomGraph random(seed);
    NamedTensors inputs;
    for (const auto& [name, tensor] : random.inputs()) inputs[name] = to_torch(tensor.view());
    const auto expected = evaluate(random.graph(), &random.weights(), random.inputs());
    const Parameters parameters = Parameters::load(random.graph(), random.weights());
    const NamedTensors found = run_graph(random.graph(), parameters, inputs);
    ASSERT_EQ(found.size(), expected.size());
    for (const auto& [name, tensor] : expected) {
      EXPECT_LT(difference(to_tensor(found.at(name)), tensor), 2e-5) << name;
    }
  }
}

TEST(TorchOps, ConvolutionsPadUnevenlyEnlargeAndTakeEveryOperand) {
  const Tensor x = pattern({2, 4, 5, 4}, 7, 31), weight = pattern({6, 4, 3, 3}, 5, 23);
  const Tensor bias = pattern({6}, 3, 11), none;
  Conv2dAttrs attrs;
  attrs.stride = 2;
  attrs.pad_bottom = attrs.pad_right = 1;
  expect_matches_reference(OpKind::conv2d, attrs, {x, weight, bias});
  attrs = {};
  attrs.upsample2x = true;
  attrs.pad_top = attrs.pad_left = attrs.pad_bottom = attrs.pad_right = 1;
  expect_matches_reference(OpKind::conv2d, attrs, {x, weight, none});
  attrs.upsample2x = false;
  attrs.epilogue.activation = Activation::silu;
  const Tensor residual = pattern({2, 4, 5, 6}, 11, 29), add = pattern({2, 6}, 3, 13);
  expect_matches_reference(OpKind::conv2d, attrs, {x, weight, bias, residual, none, add});
  attrs.epilogue.activation_after_residual = true;
  const Tensor left = pattern({2, 4, 5, 1}, 5, 17), right = pattern({2, 4, 5, 3}, 3, 19);
  expect_matches_reference(OpKind::conv2d, attrs, {left, weight, bias, residual, right});
}

TEST(TorchOps, AttentionMasksKeysAndGivesZerosWhereNoneIsLeft) {
  const Tensor q = pattern({2, 3, 8}, 7, 31), k = pattern({2, 3, 8}, 5, 29);
  const Tensor v = pattern({2, 3, 4}, 3, 23);
  const Tensor mask = Tensor::from_f32({2, 3}, std::vector<float>{0, 1, 1, 0, 0, 0});
  for (const bool causal : {false, true}) {
    const AttentionAttrs attrs{.heads = 2, .scale = 0.4f, .causal = causal};
    expect_matches_reference(OpKind::attention, attrs, {q, k, v});
    expect_matches_reference(OpKind::attention, attrs, {q, k, v, mask});
  }
  const Tensor merged = pattern({2, 3, 20}, 7, 37);
  const AttentionAttrs ranges{.heads = 2,
                              .scale = 0.4f,
                              .q_begin = 0,
                              .k_begin = 8,
                              .v_begin = 16,
                              .qk_width = 8,
                              .v_width = 4};
  expect_matches_reference(OpKind::attention, ranges, {merged, merged, merged});
}

TEST(TorchOps, AGradientThroughAQueryWithoutKeysIsANumber) {
  Node node;
  node.op = OpKind::attention;
  node.attrs = AttentionAttrs{.heads = 1, .scale = 1.0f};
  const at::Tensor q = at::randn({1, 2, 4}).set_requires_grad(true);
  const std::vector<at::Tensor> inputs = {q, at::randn({1, 3, 4}), at::randn({1, 3, 4}),
                                          at::zeros({1, 3})};
  apply_op(node, inputs).sum().backward();
  EXPECT_TRUE(q.grad().eq(0).all().item<bool>());
}

TEST(TorchOps, AddAndMulBroadcastAsTheGraphDoes) {
  const Tensor a = pattern({2, 3, 4}, 7, 31);
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{4}, Shape{2, 1, 4}, Shape{2, 4}, Shape{2, 3, 1},
                             Shape{2, 3}, Shape{1, 3, 4}, Shape{3, 4}}) {
    const Tensor b = pattern(shape, 5, 23);
    expect_matches_reference(OpKind::add, NoAttrs{}, {a, b});
    expect_matches_reference(OpKind::mul, NoAttrs{}, {a, b});
  }
}

TEST(TorchOps, NormsActivationsAndGatesMatch) {
  const Tensor x = pattern({2, 3, 5, 8}, 7, 31), gamma = pattern({8}, 3, 11);
  const Tensor beta = pattern({8}, 5, 13);
  for (const ActivationName& entry : kActivations) {
    const GroupNormAttrs norm{.groups = 4, .eps = 1e-3f, .activation = entry.activation};
    expect_matches_reference(OpKind::group_norm, norm, {x, gamma, beta});
    expect_matches_reference(OpKind::activation, ActivationAttrs{entry.activation}, {x});
  }
  const Tensor left = pattern({2, 3, 2}, 5, 17), right = pattern({2, 3, 6}, 3, 19);
  expect_matches_reference(OpKind::group_norm, GroupNormAttrs{.groups = 2, .eps = 1e-3f},
                           {left, gamma, beta, right});
  expect_matches_reference(OpKind::layer_norm, LayerNormAttrs{1e-4f}, {x, gamma, beta});
  expect_matches_reference(OpKind::geglu, NoAttrs{}, {x});
  expect_matches_reference(OpKind::affine, AffineAttrs{1.5f, -0.25f}, {x});
  const Tensor wide = pattern({6, 8}, 5, 29), bias = pattern({6}, 3, 11);
  expect_matches_reference(OpKind::linear, LinearAttrs{.epilogue = {.geglu = true}},
                           {x, wide, bias});
}

TEST(TorchOps, WhatMovesValuesMovesTheSame) {
  const Tensor x = pattern({2, 3, 5, 4}, 7, 31), y = pattern({2, 3, 5, 2}, 5, 23);
  expect_matches_reference(OpKind::concat, NoAttrs{}, {x, y});
  expect_matches_reference(OpKind::slice, SliceAttrs{1, 1, 3}, {x});
  expect_matches_reference(OpKind::reshape, ReshapeAttrs{Shape{6, 20}}, {x});
  expect_matches_reference(OpKind::resize_nearest, ResizeAttrs{6, 10}, {x});
  expect_matches_reference(OpKind::resize_nearest, ResizeAttrs{5, 7}, {x});
  expect_matches_reference(OpKind::resize_nearest, ResizeAttrs{2, 3}, {x});
}

TEST(TorchOps, IdsAndTimestepsMatch) {
  const Tensor ids = ids_tensor({2, 4}, {5, 1, 5, 0, 2, -1, 9, 2});
  const Tensor table = pattern({6, 3}, 7, 31), states = pattern({2, 4, 3}, 5, 29);
  expect_matches_reference(OpKind::embedding, NoAttrs{}, {ids, table});
  expect_matches_reference(OpKind::token_mask, TokenMaskAttrs{2}, {ids});
  for (const int32_t id : {-1, 0, 2, 7}) {
    expect_matches_reference(OpKind::select_token, SelectTokenAttrs{id}, {states, ids});
  }
  const Tensor t = Tensor::from_f32({3}, std::vector<float>{0, 19.5f, 999});
  for (const int64_t dim : {8, 9}) {
    expect_matches_reference(OpKind::timestep_embedding,
                             TimestepEmbeddingAttrs{.dim = dim, .flip_sin_to_cos = dim == 8}, {t});
  }
}

}  // namespace
}  // namespace edgefusion::train
