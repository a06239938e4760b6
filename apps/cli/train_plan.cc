#include "cli/train_plan.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/rough_time.h"

namespace edgefusion::cli {
namespace {

double millions(int64_t count) { return static_cast<double>(count) / 1e6; }

void print_steps(const train::RunConfig& config, int64_t macs_per_sample,
                 const train::StepCost& step) {
  fmt::print("forward pass    {:.2f} GMAC a sample, {:.1f} GMAC a step forwards and backwards\n",
             static_cast<double>(macs_per_sample) / 1e9,
             3e-9 * static_cast<double>(macs_per_sample * config.batch * config.accumulate));
  fmt::print("memory          {:.0f} MB at the fullest, as measured in a step\n",
             static_cast<double>(step.bytes) / 1e6);
  fmt::print("time            {:.3g} s a step, {} for {} steps of {} samples\n", step.seconds,
             rough_time(step.seconds * static_cast<double>(config.steps)), config.steps,
             config.batch * config.accumulate);
}

}  // namespace

Status print_plan(const train::TrainConfig& config) {
  EF_TRY(const train::TrainPlan plan, train::plan_training(config));
  fmt::print("U-Net           {:.2f} M parameters\n", millions(plan.parameters));
  if (config.lora.rank > 0) fmt::print("adapters        {:.3f} M\n", millions(plan.trained));
  fmt::print("latents         {}x{}\n", plan.latent_width, plan.latent_height);
  print_steps(config, plan.macs_per_sample, plan.step);
  return {};
}

Status print_plan(const train::TextConfig& config) {
  EF_TRY(const train::TextPlan plan, train::plan_text(config));
  fmt::print("text encoder    {:.2f} M parameters of the teacher's {:.2f} M\n",
             millions(plan.parameters), millions(plan.teacher_parameters));
  print_steps(config, plan.macs_per_text, plan.step);
  return {};
}

Status print_plan(const train::ImageTextConfig& config) {
  EF_TRY(const train::ImageTextPlan plan, train::plan_image_text(config));
  fmt::print("image tower     {:.2f} M parameters, with the projections\n",
             millions(plan.parameters));
  print_steps(config, plan.macs_per_picture, plan.step);
  return {};
}

Status print_plan(const train::AutoencoderConfig& config) {
  EF_TRY(const train::AutoencoderPlan plan, train::plan_autoencoder(config));
  fmt::print("autoencoder     {:.2f} M parameters\n", millions(plan.parameters));
  fmt::print("squares         {0}x{0} pixels\n", config.crop);
  print_steps(config, plan.macs_per_sample, plan.step);
  return {};
}

}  // namespace edgefusion::cli
