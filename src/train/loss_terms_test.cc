#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "formats/safetensors.h"
#include "train/consistency.h"
#include "train/noise_levels.h"
#include "train/tensors.h"

// The terms of the losses against diffusers and against the papers' formulas in double precision
// (scripts/goldens/training.py).

namespace edgefusion::train {
namespace {

constexpr std::pair<const char*, PredictionType> kTypes[] = {
    {"epsilon", PredictionType::epsilon}, {"v_prediction", PredictionType::v_prediction}};

class Golden {
 public:
  explicit Golden(const std::string& name)
      : file_(*formats::SafetensorsFile::open(std::string(EF_SOURCE_DIR) +
                                              "/tests/goldens/training/" + name)) {}
  at::Tensor operator[](const std::string& name) const { return to_torch(*file_.find(name)); }

 private:
  formats::SafetensorsFile file_;
};

NoiseLevels levels() {
  const at::Tensor alphas = Golden("diffusion.safetensors")["alphas"];
  return NoiseLevels({alphas.data_ptr<float>(), static_cast<size_t>(alphas.numel())});
}

void expect_near(const at::Tensor& found, const at::Tensor& expected, double bound) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  EXPECT_LT((found - expected).abs().max().item<double>(),
            bound * expected.abs().max().item<double>());
}

TEST(NoiseLevels, NoisedSamplesTargetsWeightsAndLossesAreThoseOfDiffusers) {
  const Golden golden("diffusion.safetensors");
  const NoiseLevels noise_levels = levels();
  const at::Tensor clean = golden["clean"], noise = golden["noise"], t = golden["t"];
  expect_near(noise_levels.noised(clean, noise, t), golden["noised"], 1e-6);
  for (const auto& [name, type] : kTypes) {
    SCOPED_TRACE(name);
    const std::string prefix = std::string(name) + ".";
    const at::Tensor target = noise_levels.target(type, clean, noise, t);
    expect_near(target, golden[prefix + "target"], 1e-6);
    const at::Tensor weights = min_snr_weights(type, noise_levels.signal_to_noise(t), 5.0);
    expect_near(weights, golden[prefix + "weights"], 1e-5);
    expect_near(weighted_mse(golden["output"], target, weights).view({1}), golden[prefix + "loss"],
                1e-5);
  }
}

TEST(NoiseLevels, AnOutputThatIsTheTargetMeansTheSampleItWasMadeFrom) {
  const Golden golden("diffusion.safetensors");
  const NoiseLevels noise_levels = levels();
  const at::Tensor clean = golden["clean"], noise = golden["noise"];
  const at::Tensor t = at::tensor({1, 300, 900}, at::kLong);
  const at::Tensor z = noise_levels.noised(clean, noise, t);
  for (const PredictionType type :
       {PredictionType::epsilon, PredictionType::v_prediction, PredictionType::sample}) {
    const at::Tensor output = noise_levels.target(type, clean, noise, t);
    expect_near(noise_levels.clean_of(type, output, z, t), clean, 1e-4);
    expect_near(noise_levels.noise_of(type, output, z, t), noise, 1e-4);
  }
}

TEST(NoiseLevels, WithoutSignalAnEpsilonNetworkHasNoWeight) {
  const at::Tensor snr = at::tensor({0.0f, 2.0f});
  const at::Tensor weights = min_snr_weights(PredictionType::epsilon, snr, 5.0);
  EXPECT_TRUE(at::equal(weights, at::tensor({0.0f, 1.0f})));
}

TEST(Consistency, TheSolverStandsOnTheGridOfThePaper) {
  const SolverGrid grid(1000, 50);
  const at::Tensor index = at::tensor({0, 1, 49}, at::kLong);
  EXPECT_TRUE(at::equal(grid.begin(index), at::tensor({19, 39, 999}, at::kLong)));
  EXPECT_TRUE(at::equal(grid.end(index), at::tensor({0, 19, 979}, at::kLong)));
}

TEST(Consistency, TargetAndLossAreThoseOfThePaper) {
  const Golden golden("consistency.safetensors");
  const NoiseLevels noise_levels = levels();
  const SolverGrid grid(1000, 50);
  const at::Tensor z = golden["z"], index = golden["index"];
  const at::Tensor begin = grid.begin(index), end = grid.end(index);
  for (const auto& [name, type] : kTypes) {
    SCOPED_TRACE(name);
    const std::string prefix = std::string(name) + ".";
    const TeacherView view = guided_view(noise_levels, type, golden["conditional"],
                                         golden["unconditional"], z, begin, golden["w"]);
    const at::Tensor below = solver_step(noise_levels, grid, view, index);
    expect_near(below, golden[prefix + "below"], 2e-5);
    const at::Tensor output =
        consistency_output(noise_levels.clean_of(type, golden["student"], z, begin), z, begin);
    expect_near(output, golden[prefix + "output"], 2e-5);
    const at::Tensor target =
        consistency_output(noise_levels.clean_of(type, golden["average"], below, end), below, end);
    expect_near(target, golden[prefix + "target"], 2e-5);
    expect_near(pseudo_huber(output, target).view({1}), golden[prefix + "loss"], 2e-5);
  }
}

TEST(Consistency, AtTheFirstTimestepASampleIsItsOwnOutput) {
  const at::Tensor z = at::randn({2, 4, 2, 2}), clean = at::randn({2, 4, 2, 2});
  EXPECT_TRUE(at::equal(consistency_output(clean, z, at::zeros({2}, at::kLong)), z));
}

}  // namespace
}  // namespace edgefusion::train
