#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <vector>

#include "core/testing/temporary_folder.h"
#include "formats/safetensors.h"
#include "train/objective.h"
#include "train/run_graph.h"
#include "train/tensors.h"

// Losses of whole networks against computations of their own with diffusers' networks
// (scripts/goldens/training.py), or with arithmetic of the test's own on the network's outputs.

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

/// alphas_cumprod of Stable Diffusion's schedule; zero_snr: moved so that the last is 0 and the
/// first stays (arXiv 2305.08891).
std::vector<double> alphas_of_paper(bool zero_snr) {
  std::vector<double> alphas;
  double product = 1;
  for (int i = 0; i < 1000; ++i) {
    const double root = std::sqrt(0.00085) + i / 999.0 * (std::sqrt(0.012) - std::sqrt(0.00085));
    alphas.push_back(product *= 1 - root * root);
  }
  if (!zero_snr) return alphas;
  const double first = std::sqrt(alphas.front()), last = std::sqrt(alphas.back());
  for (double& a : alphas) {
    const double root = (std::sqrt(a) - last) * first / (first - last);
    a = root * root;
  }
  return alphas;
}

struct DiffusionCase {
  const char* model;
  bool predicts_v;  ///< and ends without signal
  std::vector<int64_t> t;
};

/// The mean over samples of min(snr, gamma) / (snr, or snr + 1 for v) times the mean squared error;
/// gamma 0: of the errors alone.
double expected_loss(const DiffusionCase& c, const Batch& batch, const Objective& objective,
                     const Parameters& parameters, double gamma) {
  const std::vector<double> alphas = alphas_of_paper(c.predicts_v);
  std::vector<at::Tensor> noised, targets;
  for (size_t i = 0; i < c.t.size(); ++i) {
    const auto sample = static_cast<int64_t>(i);
    const double a = alphas[static_cast<size_t>(c.t[i])];
    const at::Tensor clean = batch.clean[sample], noise = batch.noise[sample];
    noised.push_back(std::sqrt(a) * clean + std::sqrt(1 - a) * noise);
    targets.push_back(c.predicts_v ? std::sqrt(a) * noise - std::sqrt(1 - a) * clean : noise);
  }
  const at::Tensor output = run_graph(*objective.graph(batch.clean.size(0), 8, 8), parameters,
                                      {{"sample", at::stack(noised)},
                                       {"timestep", batch.t.to(at::kFloat)},
                                       {"encoder_hidden_states", batch.states}})
                                .at("out_sample");
  double sum = 0;
  for (size_t i = 0; i < c.t.size(); ++i) {
    const double a = alphas[static_cast<size_t>(c.t[i])], snr = a / (1 - a);
    const double weight = gamma == 0 ? 1 : std::min(snr, gamma) / (c.predicts_v ? snr + 1 : snr);
    const at::Tensor error = output[static_cast<int64_t>(i)] - targets[i];
    sum += weight * error.to(at::kDouble).square().mean().item<double>();
  }
  return sum / static_cast<double>(c.t.size());
}

TEST(DiffusionLoss, IsWeightedByTheSignalOfEachTimestepUpToGamma) {
  // Above and below a ratio of 5, which is at about timestep 210; and noise alone.
  const DiffusionCase cases[] = {{"sd", false, {20, 150, 600}},
                                 {"v_zero_snr", true, {20, 150, 600, 999}}};
  const at::NoGradGuard no_grad;
  for (const DiffusionCase& c : cases) {
    SCOPED_TRACE(c.model);
    const auto count = static_cast<int64_t>(c.t.size());
    const Batch batch = {.clean = at::randn({count, 8, 8, 4}),
                         .noise = at::randn({count, 8, 8, 4}),
                         .t = at::tensor(c.t, at::kLong),
                         .states = at::randn({count, 77, 32}),
                         .without = {},
                         .choices = {}};
    std::vector<double> losses;
    for (const double gamma : {0.0, 5.0}) {
      TrainConfig config;
      config.min_snr_gamma = gamma;
      const auto objective = prepared(config, kGoldens / "pipelines" / c.model, count);
      const Parameters parameters = objective->first_parameters(*objective->graph(count, 8, 8));
      const double found = objective->losses(batch, {parameters, parameters}).total.item<double>();
      const double expected = expected_loss(c, batch, *objective, parameters, gamma);
      EXPECT_NEAR(found, expected, 1e-4 * expected) << "gamma " << gamma;
      losses.push_back(found);
    }
    EXPECT_LT(losses[1], 0.8 * losses[0]) << "the weights are told apart from none";
  }
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
