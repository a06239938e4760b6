#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "core/testing/temporary_folder.h"
#include "formats/safetensors.h"
#include "train/objective.h"
#include "train/tensors.h"

// Losses of whole networks against computations of their own with diffusers' networks
// (scripts/goldens/training.py).

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

const fs::path kGoldens = EF_SOURCE_DIR "/tests/goldens";

class Golden {
 public:
  explicit Golden(const std::string& name)
      : file_(*formats::SafetensorsFile::open(kGoldens / "training" / name)) {}
  at::Tensor operator[](const std::string& name) const { return to_torch(*file_.find(name)); }
  /// Channels last.
  at::Tensor latents(const std::string& name) const {
    return (*this)[name].permute({0, 2, 3, 1}).contiguous();
  }
  double scalar(const std::string& name) const { return (*this)[name].item<double>(); }

 private:
  formats::SafetensorsFile file_;
};

std::shared_ptr<const pipeline::Model> open_model(const fs::path& folder) {
  auto model = pipeline::Model::open(folder);
  EXPECT_TRUE(model) << model.error().message();
  return *model;
}

std::unique_ptr<Objective> prepared(const TrainConfig& config, const fs::path& model,
                                    int64_t batch) {
  auto objective = make_objective(config, open_model(model));
  EXPECT_TRUE(objective) << objective.error().message();
  const Status status = (*objective)->prepare(batch, 8, 8);
  EXPECT_TRUE(status) << status.error().message();
  return std::move(*objective);
}

TEST(DistillationLoss, ItsTermsAreThoseOfDiffusersNetworks) {
  const Golden golden("distillation_loss.safetensors");
  const TemporaryFolder folder;
  const fs::path model = folder.path() / "model";
  fs::copy(kGoldens / "pipelines/sd", model, fs::copy_options::recursive);
  fs::copy(kGoldens / "unet/sd2", model / "unet",
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  const Batch batch = {.clean = golden.latents("clean"),
                       .noise = golden.latents("noise"),
                       .t = golden["t"].to(at::kLong),
                       .states = golden["states"],
                       .without = {},
                       .choices = {}};
  const at::NoGradGuard no_grad;
  const auto loss = [&](double task, double output, double feature) {
    TrainConfig config;
    config.task = TrainTask::distill;
    config.removal = {"small"};
    config.min_snr_gamma = 0;
    config.task_weight = task;
    config.output_weight = output;
    config.feature_weight = feature;
    const auto objective = prepared(config, model, 2);
    const Parameters student = objective->first_parameters(*objective->graph(2, 8, 8));
    return objective->losses(batch, {student, student}).total.item<double>();
  };
  EXPECT_NEAR(loss(1, 0, 0), golden.scalar("task"), 1e-5 * golden.scalar("task"));
  EXPECT_NEAR(loss(0, 1, 0), golden.scalar("output"), 1e-4 * golden.scalar("output"));
  EXPECT_NEAR(loss(0, 0, 1), golden.scalar("features"), 1e-4 * golden.scalar("features"));
}

TEST(ConsistencyLoss, IsThatOfDiffusersNetworksWithTeacherSolverAndTarget) {
  const Golden golden("consistency_loss.safetensors");
  const Batch batch = {.clean = golden.latents("clean"),
                       .noise = golden.latents("noise"),
                       .t = {},
                       .states = golden["states"],
                       .without = golden["without"],
                       .choices = golden["choices"]};
  const at::NoGradGuard no_grad;
  for (const double huber_c : {0.001, 0.0}) {
    TrainConfig config;
    config.task = TrainTask::lcm;
    config.student = kGoldens / "pipelines/sd";
    config.huber_c = huber_c;
    const auto objective = prepared(config, config.student, 3);
    const Parameters student = objective->first_parameters(*objective->graph(3, 8, 8));
    const at::Tensor& projection = student.at("time_embedding.cond_proj.weight");
    projection.copy_(
        (at::arange(projection.numel(), at::kFloat).sin() * 0.1).view(projection.sizes()));
    const Parameters average = student.frozen();
    for (const auto& [name, tensor] : average.all()) tensor.mul_(0.9);
    const double expected = golden.scalar(huber_c > 0 ? "huber" : "squared");
    const double total = objective->losses(batch, {student, average}).total.item<double>();
    EXPECT_NEAR(total, expected, 1e-3 * expected);
  }
}

}  // namespace
}  // namespace edgefusion::train
