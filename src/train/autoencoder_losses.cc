#include "train/autoencoder_losses.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "core/json.h"
#include "models/registry.h"
#include "train/autocast.h"
#include "train/autoencoder_files.h"
#include "train/device.h"
#include "train/hinge_loss.h"
#include "train/patch_critic.h"
#include "train/run_graph.h"
#include "train/sample_order.h"

namespace edgefusion::train {
namespace {

at::Tensor absolute_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().mean();
}

/// Of differences between neighbours, down and to the right.
at::Tensor gradient_difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor error = a - b;
  return error.diff(1, 1).abs().mean() + error.diff(1, 2).abs().mean();
}

/// Distance of each channel's mean from 0 and of its variance from 1, over all processes.
Result<at::Tensor> moments(const at::Tensor& latents, Processes& processes) {
  const at::Tensor flat = latents.flatten(0, 2);
  EF_TRY(const at::Tensor mean, processes.mean(flat.mean(0)));
  // Detached: a variance does not change with the point it is taken around, at the mean. That holds
  // for all processes together, not for the part of one of them.
  EF_TRY(const at::Tensor variance, processes.mean((flat - mean.detach()).square().mean(0)));
  return (mean.square() + (variance - 1).square()).mean();
}

/// Pictures [N,H,W,3] -> [N,H/factor,W/factor,3], means of squares of pixels.
at::Tensor scaled_down(const at::Tensor& pictures, int64_t factor) {
  if (factor <= 1) return pictures;
  return at::avg_pool2d(pictures.permute({0, 3, 1, 2}), factor).permute({0, 2, 3, 1});
}

}  // namespace

Result<AutoencoderLosses> AutoencoderLosses::make(const AutoencoderConfig& config,
                                                  const TinyAutoencoder& network) {
  AutoencoderLosses losses;
  losses.config_ = &config;
  losses.network_ = &network;
  if (!config.latent_teacher.empty()) {
    EF_TRY(formats::NetworkFiles files, open_autoencoder(config.latent_teacher));
    EF_TRY(const double scale, latent_scale(files));
    EF_TRY(losses.teacher_,
           PictureEncoder::open(std::move(files), scale, config.crop, device_of(config)));
    const Shape &theirs = losses.teacher_->latent_shape(), &ours = network.latents();
    losses.teacher_scale_ = std::max<int64_t>(theirs[1] / ours[1], 1);
    const int64_t side = losses.teacher_scale_ * ours[1];
    if (!(theirs == Shape{1, side, side, ours[3]})) {
      return fail(ErrorCode::unsupported,
                  config.latent_teacher.string() + ": latents of shape " + theirs.to_string() +
                      ", expected " + ours.to_string() + " as the trained network has them");
    }
  }
  EF_TRY(losses.critic_, build_patch_critic(config.batch, config.crop));
  return losses;
}

std::optional<Parameters> AutoencoderLosses::first_critic() const {
  if (!config_->has_critic()) return std::nullopt;
  constexpr uint64_t kCritic = 100;  // other numbers than the network's own
  return Parameters::initialize(critic_,
                                mixed_seed(config_->seed, Purpose::first_weights, kCritic));
}

Result<Losses> AutoencoderLosses::of(const at::Tensor& pictures, const Networks& networks,
                                     bool with_critic, Processes& processes) const {
  Losses losses;
  at::Tensor latents, restored;
  {
    const AutocastGuard autocast(config_->bf16);
    latents = network_->encode(networks.parameters, pictures);
    restored = network_->decode(networks.parameters, latents).to(at::kFloat);
  }
  latents = latents.to(at::kFloat);
  losses.add("l1", config_->l1_weight, absolute_difference(restored, pictures));
  losses.add("gradients", config_->gradient_weight, gradient_difference(restored, pictures));
  EF_TRY(const at::Tensor off, moments(latents, processes));
  losses.add("moments", config_->moments_weight, off);
  if (teacher_) {
    at::Tensor theirs;
    {
      const AutocastGuard autocast(config_->bf16);
      theirs = teacher_->encode(scaled_down(pictures, teacher_scale_));
    }
    const at::Tensor error = (latents - theirs).square().mean();
    losses.add("latents", config_->latent_weight, error);
  }
  if (with_critic && networks.critic != nullptr) {
    add_critic_terms(pictures, restored, *networks.critic, losses);
  }
  return losses;
}

/// Hinge losses and the distance of the critic's features (Salimans et al. 2016).
void AutoencoderLosses::add_critic_terms(const at::Tensor& pictures, const at::Tensor& restored,
                                         const Parameters& critic, Losses& losses) const {
  const AutocastGuard autocast(config_->bf16);
  const std::vector<std::string>& names = patch_critic_features();
  const Parameters judge = critic.detached();
  const NamedTensors of_restored = run_graph(critic_, judge, {{"image", restored}}, names);
  const at::Tensor fooled = fooling_loss({{of_restored.at("verdict").to(at::kFloat)}});
  losses.add("adversarial", config_->adversarial_weight, fooled);
  if (config_->feature_weight > 0) {
    const NamedTensors of_real = run_graph(critic_, judge, {{"image", pictures}}, names);
    at::Tensor features = at::zeros({}, pictures.options());
    for (const std::string& name : names) {
      features = features + absolute_difference(of_restored.at(name).to(at::kFloat),
                                                of_real.at(name).detach().to(at::kFloat));
    }
    losses.add("features", config_->feature_weight, features);
  }
  const auto verdict = [&](const at::Tensor& image) {
    return run_graph(critic_, critic, {{"image", image}}).at("verdict").to(at::kFloat);
  };
  losses.critic = critic_loss({{verdict(pictures)}}, {{verdict(restored.detach())}});
  losses.terms["critic"] = losses.critic.detach();
}

}  // namespace edgefusion::train
