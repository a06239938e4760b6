#include "train/train_autoencoder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <utility>

#include "drawing/contact_sheet.h"
#include "formats/png.h"
#include "train/autoencoder_files.h"
#include "train/autoencoder_losses.h"
#include "train/checkpoint.h"
#include "train/device.h"
#include "train/memory_forecast.h"
#include "train/model_copy.h"
#include "train/patch_critic.h"
#include "train/picture_cache.h"
#include "train/picture_quality.h"
#include "train/run_folder.h"
#include "train/sample_order.h"
#include "train/step_cost.h"
#include "train/train_loop.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr const char *kConfig = "config.json", *kWeights = "diffusion_pytorch_model.safetensors";

class AutoencoderTrainee final : public Trainee {
 public:
  AutoencoderTrainee(const AutoencoderConfig& config, AutoencoderLosses losses, Parameters first,
                     PictureCache pictures, Processes& processes)
      : config_(config),
        processes_(processes),
        losses_(std::move(losses)),
        first_(std::move(first)),
        pictures_(std::move(pictures)),
        order_(pictures_.count(), config.seed) {}

  Parameters first_parameters() const override { return first_; }
  std::optional<Parameters> first_critic() const override { return losses_.first_critic(); }

  Result<Losses> losses(int64_t number, const Networks& networks) override {
    const int64_t first = number * config_.batch;
    const std::vector<int64_t> samples = order_.at(first, config_.batch);
    std::vector<std::pair<int64_t, int64_t>> corners;
    for (int64_t i = 0; i < config_.batch; ++i) {
      const uint64_t seed =
          mixed_seed(config_.seed, Purpose::choice, static_cast<uint64_t>(first + i));
      const auto places = static_cast<uint64_t>(config_.resolution - config_.crop + 1);
      corners.emplace_back((seed & 0xffffffff) % places, (seed >> 32) % places);
    }
    const at::Tensor pictures = pictures_.squares(samples, corners, config_.crop);
    const bool with_critic = networks.step >= config_.adversarial_from;
    return losses_.of(pictures.to(device_of(config_)), networks, with_critic, processes_);
  }

  Status write_model(const fs::path& folder, const Parameters& average) const override {
    EF_TRY_STATUS(write_json(folder / kConfig, config_.network));
    return average.save(folder / kWeights, DType::f16);
  }

 private:
  const AutoencoderConfig& config_;
  Processes& processes_;
  AutoencoderLosses losses_;
  Parameters first_;
  PictureCache pictures_;
  SampleOrder order_;
};

constexpr int64_t kShown = 12;  // pictures on the sheet

formats::Image image_of(const at::Tensor& picture) {
  const at::Tensor bytes = ((picture.clamp(-1, 1) + 1) * 127.5).round().to(at::kByte).contiguous();
  const auto* begin = static_cast<const uint8_t*>(bytes.data_ptr());
  return {.width = static_cast<int>(bytes.size(1)),
          .height = static_cast<int>(bytes.size(0)),
          .channels = 3,
          .pixels = std::vector<uint8_t>(begin, begin + bytes.numel())};
}

/// Pictures above what came back of them.
Status write_sheet(const fs::path& path, std::vector<drawing::ContactSheetCell> pictures,
                   std::vector<drawing::ContactSheetCell> restored) {
  const auto columns = static_cast<int>(pictures.size());
  std::ranges::move(restored, std::back_inserter(pictures));
  EF_TRY(const formats::Image sheet,
         drawing::contact_sheet(pictures,
                                {.columns = columns, .row_labels = {"picture", "restored"}}));
  return formats::write_png(path, sheet);
}

Result<PictureCache> open_pictures(const AutoencoderConfig& config,
                                   const std::vector<fs::path>& shards, const ReadingSinks& sinks) {
  return PictureCache::open({.shards = shards,
                             .resolution = config.resolution,
                             .where = config.where,
                             .captions_needed = false},
                            config.cache, sinks);
}

/// For whole pictures. Errors: invalid_argument if they do not come back in their size.
Result<TinyAutoencoder> network_of_report(const AutoencoderConfig& config) {
  return TinyAutoencoder::make(config.network, "network on the \"resolution\" of \"val_shards\"", 1,
                               config.resolution);
}

/// Of both halves, and of the critic if there is one.
Status check_memory_of_step(const AutoencoderConfig& config, const TinyAutoencoder& network) {
  int64_t least = 0;
  for (const graph::Graph* half : network.halves()) {
    least += least_step_bytes(*half, config, /*checkpointing=*/false);
  }
  if (config.has_critic()) {
    EF_TRY(const graph::Graph critic, build_patch_critic(config.batch, config.crop));
    least += least_step_bytes(critic, config, /*checkpointing=*/false);
  }
  return check_step_bytes(
      least, config,
      R"(a smaller "batch" ("accumulate" makes up for it), or fewer pixels ("crop"))");
}

/// What would stop a run later: its step, or the report at its end.
Status check_run(const AutoencoderConfig& config, const TinyAutoencoder& network) {
  EF_TRY_STATUS(check_memory_of_step(config, network));
  EF_TRY_STATUS(check_shards(config.shards));
  EF_TRY_STATUS(check_shards(config.val_shards));
  if (!config.val_shards.empty()) EF_TRY_STATUS(network_of_report(config));
  return {};
}

/// The network's, from `start` what is there. Errors: those of its files.
Result<Parameters> first_parameters(const AutoencoderConfig& config,
                                    const TinyAutoencoder& network) {
  if (config.start.empty()) return network.parameters(nullptr, config.seed);
  EF_TRY(const formats::NetworkFiles start, open_autoencoder(config.start));
  return network.parameters(&start, config.seed);
}

/// The checkpoint on whole pictures, one after the other.
Result<AutoencoderReport> report_on(const AutoencoderConfig& config, const fs::path& checkpoint,
                                    const ReadingSinks& sinks) {
  if (config.val_shards.empty()) return AutoencoderReport{};
  EF_TRY(const PictureCache pictures, open_pictures(config, config.val_shards, sinks));
  EF_TRY(const auto network, network_of_report(config));
  EF_TRY(const formats::NetworkFiles files, open_autoencoder(checkpoint));
  EF_TRY(const Parameters loaded, network.parameters(&files, 0));
  const Parameters parameters = loaded.frozen();
  const at::NoGradGuard no_grad;
  AutoencoderReport report = {.pictures = pictures.count()};
  double squares = 0;
  std::vector<drawing::ContactSheetCell> before, after;
  for (int64_t i = 0; i < report.pictures; ++i) {
    const at::Tensor picture = pictures.pictures(std::vector<int64_t>{i});
    const at::Tensor latents = network.encode(parameters, picture);
    const at::Tensor back = network.decode(parameters, latents).clamp(-1, 1);
    report.psnr_db += psnr(picture, back).item<double>();
    report.ssim += ssim(picture, back).item<double>();
    report.latent_mean += latents.mean().item<double>();
    if (i < kShown) {
      before.push_back({image_of(picture[0]), pictures.captions(i).front()});
      after.push_back({image_of(back[0]), {}});
    }
    squares += latents.square().mean().item<double>();
  }
  const auto count = static_cast<double>(report.pictures);
  report.psnr_db /= count;
  report.ssim /= count;
  report.latent_mean /= count;
  report.latent_deviation = std::sqrt(squares / count - report.latent_mean * report.latent_mean);
  EF_TRY_STATUS(write_sheet(config.out / "sheet.png", std::move(before), std::move(after)));
  return report;
}

}  // namespace

std::string AutoencoderReport::summary() const {
  if (pictures == 0) return {};
  std::array<char, 160> text;
  std::snprintf(text.data(), text.size(),
                "%lld pictures: PSNR %.2f dB, SSIM %.4f, latents %.2f +- %.2f",
                static_cast<long long>(pictures), psnr_db, ssim, latent_mean, latent_deviation);
  return text.data();
}

Result<AutoencoderPlan> plan_autoencoder(const AutoencoderConfig& config) {
  EF_TRY(const auto network,
         TinyAutoencoder::make(config.network, "network", config.batch, config.crop));
  EF_TRY_STATUS(check_run(config, network));
  EF_TRY(const Parameters first, first_parameters(config, network));
  EF_TRY(const AutoencoderLosses losses, AutoencoderLosses::make(config, network));
  const at::Tensor pictures =
      at::randn({config.batch, config.crop, config.crop, 3}).clamp_(-1, 1).to(device_of(config));
  Processes alone;
  const SampleStep sample = {first, losses.first_critic(), [&](const Networks& networks) {
                               return losses.of(pictures, networks, true, alone).value();
                             }};
  return AutoencoderPlan{.parameters = network.parameter_count(),
                         .macs_per_sample = network.macs_per_picture(),
                         .step = measured_step(config, sample)};
}

Result<AutoencoderReport> train_autoencoder(const AutoencoderConfig& config, bool resume,
                                            Processes& processes,
                                            const TrainCallbacks& all_callbacks) {
  const TrainCallbacks callbacks = callbacks_of(processes, all_callbacks);
  EF_TRY(const auto network,
         TinyAutoencoder::make(config.network, "network", config.batch, config.crop));
  EF_TRY_STATUS(check_run(config, network));
  EF_TRY(Parameters first, first_parameters(config, network));
  EF_TRY(AutoencoderLosses losses, AutoencoderLosses::make(config, network));
  const ReadingSinks sinks = {callbacks.log, callbacks.reading, callbacks.cancel};
  std::optional<PictureCache> pictures;
  const auto prepare = [&]() -> Status {
    if (processes.first()) EF_TRY_STATUS(prepare_out(config, resume));
    EF_TRY(pictures, open_pictures(config, config.shards, sinks));
    return {};
  };
  EF_TRY_STATUS(processes.first_before_others(prepare, Processes::kVeryLong));
  AutoencoderTrainee trainee(config, std::move(losses), std::move(first), std::move(*pictures),
                             processes);
  EF_TRY_STATUS(run_training(config, trainee, resume, processes, callbacks));
  if (!processes.first()) return AutoencoderReport{};
  EF_TRY(const AutoencoderReport report, report_on(config, *newest_checkpoint(config.out), sinks));
  if (report.pictures > 0) {
    EF_TRY_STATUS(
        write_json(config.out / "report.json", {{"pictures", report.pictures},
                                                {"psnr_db", report.psnr_db},
                                                {"ssim", report.ssim},
                                                {"latent_mean", report.latent_mean},
                                                {"latent_deviation", report.latent_deviation}}));
  }
  return report;
}

}  // namespace edgefusion::train
