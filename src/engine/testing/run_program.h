#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "core/env.h"
#include "engine/program.h"

namespace edgefusion::engine {

inline Runtime make_runtime(int threads, const std::string& isa_cap) {
  auto runtime = Runtime::make(threads, isa_cap, {});
  EF_CHECK(runtime.has_value(), runtime.error().message());
  return std::move(*runtime);
}

/// With the instruction sets the test was asked to run under.
inline Runtime make_runtime(int threads) {
  return make_runtime(threads, read_environment().isa.value_or(""));
}

inline Program compile_or_die(const graph::Graph& graph, const TensorSource& weights,
                              const Runtime& runtime, const CompileOptions& options = {}) {
  auto program = compile(graph, weights, options, runtime);
  EF_CHECK(program.has_value(), program.error().message());
  return std::move(*program);
}

/// Outputs in declared order.
inline std::vector<Tensor> run(Program& program, const std::map<std::string, Tensor>& inputs,
                               ThreadPool& pool) {
  std::vector<ConstTensorView> in;
  for (const auto& info : program.inputs()) in.push_back(inputs.at(info.name).view());
  std::vector<Tensor> results;
  for (const auto& info : program.outputs()) results.emplace_back(info.shape, info.dtype);
  std::vector<TensorView> out;
  for (auto& result : results) out.push_back(result.view());
  program.run(in, out, pool);
  return results;
}

inline std::vector<Tensor> compile_and_run(const graph::Graph& graph, const TensorSource& weights,
                                           const std::map<std::string, Tensor>& inputs,
                                           const Runtime& runtime,
                                           const CompileOptions& options = {}) {
  Program program = compile_or_die(graph, weights, runtime, options);
  return run(program, inputs, *runtime.pool);
}

inline float max_abs(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

/// NaN counts as an infinite difference.
inline float max_abs_difference(std::span<const float> a, std::span<const float> b) {
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const float difference = std::abs(a[i] - b[i]);
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

inline void expect_same_bits(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_EQ(0, std::memcmp(a.view().data, b.view().data, a.view().bytes()));
}

}  // namespace edgefusion::engine
