#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "formats/safetensors.h"
#include "golden_case.h"
#include "models/registry.h"
#include "train/run_graph.h"
#include "train/tensors.h"

// The gradient of every parameter against PyTorch's on the reference implementation. The loss is
// the mean of the squares of the output (of several: the sum); goldens hold, for each parameter,
// the length of its gradient and its product with sin(1), sin(2), ...
// (scripts/goldens/gradients.py): a wrong element moves one of the two.

namespace edgefusion::parity {
namespace {

namespace fs = std::filesystem;

/// Relative to the length of the gradient. Sums are ordered differently, and some gradients are
/// small differences of large ones.
constexpr double kBound = 2e-3;

struct Measure {
  double length = 0, product = 0;
};

Measure measure(const at::Tensor& gradient) {
  const Tensor values = train::to_tensor(gradient);
  Measure result;
  int64_t i = 0;
  for (const float value : values.values<float>()) {
    const auto x = static_cast<double>(value);
    result.length += x * x;
    result.product += x * std::sin(static_cast<double>(++i));
  }
  result.length = std::sqrt(result.length);
  return result;
}

at::Tensor mean_square(const train::NamedTensors& outputs, const Job& job) {
  at::Tensor loss = at::zeros({});
  for (const auto& [name, unused] : job.expected) loss = loss + outputs.at(name).square().mean();
  return loss;
}

void expect_gradients(const GoldenCase& golden, const Job& job,
                      const formats::SafetensorsFile& expected) {
  SCOPED_TRACE(job.name);
  const auto graph =
      models::build_network(golden.config, golden.config_path, job.request, &golden.weights);
  ASSERT_TRUE(graph) << graph.error().message();
  const auto parameters = train::Parameters::load(*graph, golden.weights);
  train::NamedTensors inputs;
  for (const auto& [name, tensor] : job.inputs) inputs[name] = train::to_torch(tensor.view());
  mean_square(train::run_graph(*graph, parameters, inputs), job).backward();

  const std::string role(models::to_string(job.request.role));
  for (const auto& [name, parameter] : parameters.all()) {
    const ConstTensorView* wanted = expected.find(role + "." + name);
    ASSERT_NE(wanted, nullptr) << name;
    const double length = static_cast<double>(load_as_f32(*wanted, 0));
    const double product = static_cast<double>(load_as_f32(*wanted, 1));
    const double largest = static_cast<double>(load_as_f32(*expected.find(role + ":largest"), 0));
    ASSERT_TRUE(parameter.grad().defined()) << name;
    const Measure found = measure(parameter.grad());
    const double bound = kBound * length + 1e-6 * largest;
    EXPECT_NEAR(found.length, length, bound) << name;
    EXPECT_NEAR(found.product, product, bound) << name;
  }
}

void expect_gradients_of(const fs::path& folder) {
  SCOPED_TRACE(folder.filename().string());
  const auto golden = GoldenCase::load(folder);
  ASSERT_TRUE(golden) << golden.error().message();
  const auto expected = formats::SafetensorsFile::open((folder / "gradients.safetensors").string());
  ASSERT_TRUE(expected) << expected.error().message();
  int networks = 0;
  for (const Job& job : jobs_of(*golden)) {
    // The state of an inner layer is made of the same ops; the loss leaves it out.
    if (!job.name.starts_with("run 0") || job.request.options.clip_skip != 0) continue;
    expect_gradients(*golden, job, *expected);
    ++networks;
  }
  EXPECT_GE(networks, 1);
}

TEST(Gradients, EqualThoseOfTheReferenceImplementationOnEveryGolden) {
  const fs::path root = fs::path(EF_SOURCE_DIR) / "tests" / "goldens";
  for (const char* kind : {"unet", "text_encoder", "vae", "taesd", "image_tower"}) {
    int cases = 0;
    for (const auto& entry : fs::directory_iterator(root / kind)) {
      if (!fs::exists(entry.path() / "golden.safetensors")) continue;
      expect_gradients_of(entry.path());
      ++cases;
    }
    EXPECT_GE(cases, 2) << kind;
  }
}

}  // namespace
}  // namespace edgefusion::parity
