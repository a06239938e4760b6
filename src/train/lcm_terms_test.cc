#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "train/checkpoint.h"
#include "train/diffusion_objective.h"
#include "train/hinge_loss.h"
#include "train/latent_critic.h"
#include "train/picture_decoder.h"
#include "train/testing/train_case.h"

// Terms of latent consistency distillation beside the consistency itself.

namespace edgefusion::train {
namespace {

class LcmTermsTest : public TrainUnetTest {
 protected:
  TrainConfig consistency(const json& changes) const {
    json text = {{"model", kModel},  {"student", kModel}, {"shards", {"a.tar"}},
                 {"resolution", 32}, {"batch", 3},        {"steps", 1},
                 {"log_every", 1},   {"out", "few"},      {"learning_rate", 1e-3}};
    text.update(changes);
    auto parsed = TrainConfig::parse(text, folder_ / "config.json", TrainTask::lcm);
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
  }

  TrainMetrics last_line(const json& changes) {
    const Status status = run(consistency(changes));
    EXPECT_TRUE(status) << status.error().message();
    return metrics_.back();
  }
};

TEST_F(LcmTermsTest, TheLossIsTheWeightedSumOfTheTerms) {
  const TrainMetrics plain = last_line({{"out", "plain"}});
  EXPECT_EQ(plain.terms.size(), 1U);
  const TrainMetrics both =
      last_line({{"image_weight", 0.5}, {"adversarial_weight", 0.25}, {"out", "both"}});
  EXPECT_NEAR(both.terms.at("consistency"), plain.loss, 1e-6);
  EXPECT_GT(both.terms.at("image"), 0);
  EXPECT_NE(both.terms.at("adversarial"), 0);
  EXPECT_NEAR(both.loss,
              plain.loss + 0.5 * both.terms.at("image") + 0.25 * both.terms.at("adversarial"),
              1e-5);
}

TEST_F(LcmTermsTest, TheImageTermAloneMovesTheStudent) {
  const auto weights = [&](const json& changes) {
    const TrainConfig c = consistency(changes);
    EXPECT_TRUE(run(c));
    return content(*newest_checkpoint(c.out) / "training/parameters.safetensors");
  };
  const std::string without = weights({{"out", "without"}});
  const std::string with = weights({{"out", "with"}, {"image_weight", 3}});
  EXPECT_NE(without, with);
}

TEST_F(LcmTermsTest, TheCriticBeginsWhenItShallAndARunGoesOnBitForBit) {
  const json with = {{"adversarial_weight", 0.1},
                     {"adversarial_from", 2},
                     {"steps", 6},
                     {"checkpoint_every", 3},
                     {"out", "straight"}};
  const TrainConfig straight = consistency(with);
  ASSERT_TRUE(run(straight));
  EXPECT_FALSE(metrics_[1].terms.contains("critic"));
  EXPECT_TRUE(metrics_[2].terms.contains("critic"));
  json half = with;
  half.update({{"steps", 3}, {"out", "halves"}});
  ASSERT_TRUE(run(consistency(half)));
  half["steps"] = 6;
  ASSERT_TRUE(run(consistency(half), true));
  for (const char* file : {"parameters.safetensors", "critic.safetensors"}) {
    const std::string name = std::string("checkpoint-00000006/training/") + file;
    const std::string first = content(straight.out / name);
    EXPECT_FALSE(first.empty()) << file;
    EXPECT_EQ(first, content(folder_ / "halves" / name)) << file;
  }
}

TEST_F(LcmTermsTest, ADecoderWithOtherLatentsIsRefused) {
  const Status status = run(consistency(
      {{"image_weight", 1}, {"decoder", std::string(EF_SOURCE_DIR) + "/tests/goldens/nothing"}}));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("nothing"), std::string::npos)
      << status.error().message();
}

/// The teacher of the goldens, and its critic.
struct Judged {
  std::shared_ptr<const pipeline::Model> model = *pipeline::Model::open(kModel);
  const formats::NetworkFiles& files = model->network("unet");
  graph::Graph graph = *unet_graph(*model, {files.config, "unet"}, files.weights.get(), {2, 8, 8});
  Parameters teacher = Parameters::load(graph, *files.weights).frozen();
  NoiseLevels levels = diffusion_task(*model)->levels;
  LatentCritic critic = *LatentCritic::make(graph, teacher);
  at::Tensor noise = at::randn({2, 8, 8, 4});
  at::Tensor t = at::tensor({100, 300}, at::kLong);
  at::Tensor states =
      at::randn({2, model->text_tokens(), files.config.at("cross_attention_dim").get<int64_t>()});

  std::vector<at::Tensor> verdicts(const Parameters& heads, const at::Tensor& latents) const {
    return critic.verdicts(heads, latents, {noise, t, states}, levels);
  }
};

TEST(LatentCritic, LearnsToTellTwoKindsApartAndShowsTheWay) {
  at::manual_seed(3);
  const Judged judged;
  const Parameters heads = judged.critic.first_heads(7);
  Optimizer optimizer(heads, OptimizerOptions());
  const at::Tensor real = at::randn({2, 8, 8, 4}) + 1, made = at::randn({2, 8, 8, 4}) - 1;
  const auto loss = [&] {
    return critic_loss(judged.verdicts(heads, real), judged.verdicts(heads, made));
  };
  const double before = loss().item<double>();
  for (int step = 0; step < 40; ++step) {
    loss().backward();
    optimizer.step(3e-3, 0);
  }
  EXPECT_LT(loss().item<double>(), 0.5 * before);
  // A step along the gradient brings what was made nearer to what it takes for real.
  const at::Tensor moved = made.clone().set_requires_grad(true);
  const at::Tensor away = fooling_loss(judged.verdicts(heads.detached(), moved));
  away.backward();
  EXPECT_LT(fooling_loss(judged.verdicts(heads, made - 20 * moved.grad())).item<double>(),
            away.item<double>());
}

TEST(HingeLoss, IsThatOfItsDefinitionAndHeadsWeighAlike) {
  const std::vector<at::Tensor> real = {at::tensor({2.0f, 0.5f}), at::tensor({-1.0f})};
  const std::vector<at::Tensor> made = {at::tensor({-3.0f, 0.0f}), at::tensor({1.0f})};
  // Heads: (0 + 0.5) / 2 + (0 + 1) / 2 and 2 + 2.
  EXPECT_NEAR(critic_loss(real, made).item<double>(), (0.75 + 4.0) / 2, 1e-6);
  EXPECT_NEAR(fooling_loss(made).item<double>(), (1.5 - 1.0) / 2, 1e-6);
}

TEST(PictureDecoder, DecodesAsTheGraphDoesAndPassesGradients) {
  at::manual_seed(4);
  const auto model = *pipeline::Model::open(kModel);
  const auto decoder = PictureDecoder::open({}, *model, {2, 4, 4, 4}, at::kCPU);
  ASSERT_TRUE(decoder) << decoder.error().message();
  const at::Tensor latents = at::randn({2, 4, 4, 4}).set_requires_grad(true);
  const at::Tensor pictures = decoder->decode(latents);
  EXPECT_EQ(pictures.size(3), 3);
  pictures.sum().backward();
  EXPECT_GT(latents.grad().abs().max().item<double>(), 0);
  const auto wrong = PictureDecoder::open({}, *model, {2, 4, 4, 8}, at::kCPU);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message().find("expected [2,4,4,8]"), std::string::npos);
}

TEST(RunGraphUntil, GivesTheSameValuesAndStopsBehindTheLast) {
  at::manual_seed(5);
  const Judged judged;
  const at::NoGradGuard no_grad;
  const NamedTensors inputs = {{"sample", judged.noise},
                               {"timestep", judged.t.to(at::kFloat)},
                               {"encoder_hidden_states", judged.states}};
  const NamedTensors whole = run_graph(judged.graph, judged.teacher, inputs, {"down_blocks.0"});
  const NamedTensors part =
      run_graph_until(judged.graph, judged.teacher, inputs, {"down_blocks.0"});
  EXPECT_EQ(part.size(), 1U);
  EXPECT_TRUE(at::equal(whole.at("down_blocks.0"), part.at("down_blocks.0")));
}

}  // namespace
}  // namespace edgefusion::train
