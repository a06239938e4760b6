#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "executor.h"
#include "golden_case.h"
#include "graph/op_table.h"
#include "models/registry.h"

// Each network against its reference implementation on random weights, in f32: the bound of the
// design, max |a-b| <= 2e-4 max |b|. Inner values are compared first, in the order in which they
// are computed, so that the first failure is the block that is wrong.

namespace edgefusion::parity {
namespace {

constexpr double kBound = 2e-4;

std::vector<std::string> golden_folders() {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(EF_SOURCE_DIR) / "tests" / "goldens";
  std::vector<std::string> folders;
  for (const char* kind : {"text_encoder", "unet", "vae", "taesd", "image_tower"}) {
    if (!fs::is_directory(root / kind)) continue;
    for (const auto& entry : fs::directory_iterator(root / kind)) {
      if (fs::exists(entry.path() / "golden.safetensors")) {
        folders.push_back(std::string(kind) + "/" + entry.path().filename().string());
      }
    }
  }
  std::ranges::sort(folders);
  return folders;
}

struct Difference {
  double largest = 0.0;    // of |a-b|
  double magnitude = 0.0;  // largest |b|
};

/// actual is channels last, expected as the reference lays it out. NaN counts as infinitely wrong.
Difference difference(const Tensor& actual, const ConstTensorView& expected) {
  const Tensor wanted = expected.shape.rank() == 4 && actual.shape().rank() == 4
                            ? nchw_to_nhwc(to_f32(expected).view())
                            : to_f32(expected);
  EXPECT_EQ(actual.shape(), wanted.shape());
  if (actual.shape() != wanted.shape()) return {HUGE_VAL, 1.0};
  Difference result;
  const auto a = actual.values<float>();
  const auto b = wanted.values<float>();
  for (size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(double{a[i]} - double{b[i]});
    if (!(error <= result.largest)) result.largest = std::isnan(error) ? HUGE_VAL : error;
    result.magnitude = std::max(result.magnitude, std::abs(double{b[i]}));
  }
  return result;
}

void expect_close(const std::string& what, const Tensor& actual, const ConstTensorView& expected) {
  const Difference found = difference(actual, expected);
  EXPECT_GT(found.magnitude, 0.0) << what << ": the golden is all zeros";
  EXPECT_LE(found.largest, kBound * found.magnitude)
      << what << ": relative error " << found.largest / found.magnitude;
}

/// Names of the values the taps mean, in the order in which the graph computes them.
std::vector<std::pair<std::string, graph::ValueId>> ordered_taps(const Job& job,
                                                                 const graph::Graph& graph) {
  std::vector<std::pair<std::string, graph::ValueId>> taps;
  for (const auto& [module, view] : job.taps) {
    const graph::ValueId value = graph.find(module);
    EXPECT_NE(value, graph::kNoValue) << "no value is named " << module;
    if (value != graph::kNoValue) taps.emplace_back(module, value);
  }
  std::ranges::stable_sort(taps, {}, &std::pair<std::string, graph::ValueId>::second);
  return taps;
}

void run_job(const GoldenCase& golden, const Job& job) {
  SCOPED_TRACE(job.name);
  auto graph =
      models::build_network(golden.config, golden.config_path, job.request, &golden.weights);
  ASSERT_TRUE(graph) << graph.error().message();
  const auto taps = ordered_taps(job, *graph);
  std::vector<std::string> tap_names;
  for (const auto& [module, value] : taps) tap_names.push_back(module);
  std::vector<std::string> value_names;  // the graph is gone once it is compiled
  for (const auto& [module, value] : taps) value_names.push_back(graph->value(value).name);

  const auto outputs = execute(std::move(*graph), golden.weights, job.inputs, tap_names);
  ASSERT_TRUE(outputs) << outputs.error().message();
  for (size_t i = 0; i < taps.size(); ++i) {
    expect_close(tap_names[i], outputs->at(value_names[i]), *job.taps.at(tap_names[i]));
  }
  for (const auto& [name, expected] : job.expected) {
    ASSERT_TRUE(outputs->contains(name)) << name;
    expect_close(name, outputs->at(name), *expected);
  }
}

class NetworkParity : public testing::TestWithParam<std::string> {};

TEST_P(NetworkParity, EqualsTheReferenceImplementation) {
  const auto golden =
      GoldenCase::load(std::filesystem::path(EF_SOURCE_DIR) / "tests" / "goldens" / GetParam());
  ASSERT_TRUE(golden) << golden.error().message();
  const std::vector<Job> jobs = jobs_of(*golden);
  ASSERT_FALSE(jobs.empty());
  for (const Job& job : jobs) run_job(*golden, job);
}

std::string test_name(const testing::TestParamInfo<std::string>& row) {
  std::string name = executor_name() + "_" + row.param;
  std::ranges::replace(name, '/', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Goldens, NetworkParity, testing::ValuesIn(golden_folders()), test_name);

TEST(NetworkParity, FindsGoldensOfEveryKind) {
  const std::vector<std::string> folders = golden_folders();
  for (const std::string kind : {"text_encoder", "unet", "vae", "taesd", "image_tower"}) {
    EXPECT_TRUE(std::ranges::any_of(folders, [&](const std::string& folder) {
      return folder.starts_with(kind + "/");
    })) << kind;
  }
}

}  // namespace
}  // namespace edgefusion::parity
