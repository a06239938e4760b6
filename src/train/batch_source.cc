#include "train/batch_source.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <utility>

namespace edgefusion::train {
BatchSource::BatchSource(const TrainConfig& config, LatentCache cache, TextStates text,
                         int64_t timesteps)
    : config_(config),
      cache_(std::move(cache)),
      text_(std::move(text)),
      timesteps_(timesteps),
      order_(cache_.count(), config.seed) {}

Result<Batch> BatchSource::batch(int64_t number) {
  at::Generator random = at::detail::createCPUGenerator(
      mixed_seed(config_.seed, Purpose::noise, static_cast<uint64_t>(number)));
  const std::vector<int64_t> samples = order_.at(number * config_.batch, config_.batch);
  std::vector<uint8_t> mirrored;
  std::vector<std::string> captions;
  for (size_t i = 0; i < samples.size(); ++i) {
    const uint64_t seed = mixed_seed(config_.seed, Purpose::choice,
                                     static_cast<uint64_t>(number * config_.batch) + i);
    const std::vector<std::string>& all = cache_.captions(samples[i]);
    const bool dropped = static_cast<double>(seed >> 11) * 0x1p-53 < config_.caption_dropout;
    captions.push_back(dropped ? std::string() : all[(seed & 0x3ff) % all.size()]);
    mirrored.push_back(config_.flip && (seed & 0x400) != 0 ? 1 : 0);
  }
  Batch batch;
  batch.clean = cache_.latents(samples, mirrored);
  batch.noise = at::empty_like(batch.clean).normal_(0, 1, random);
  if (config_.noise_offset > 0) {
    const at::Tensor shift = at::empty({config_.batch, 1, 1, batch.clean.size(3)}, at::kFloat)
                                 .normal_(0, config_.noise_offset, random);
    batch.noise = batch.noise + shift;
  }
  batch.t = at::empty({config_.batch}, at::kLong).random_(0, timesteps_, random);
  batch.choices = at::empty({config_.batch, 2}, at::kFloat).uniform_(0, 1, random);
  EF_TRY(batch.states, text_.of(captions));
  if (!empty_.defined()) {
    EF_TRY(empty_, text_.of(std::vector<std::string>{""}));
  }
  batch.without = empty_.expand_as(batch.states);
  return batch;
}

}  // namespace edgefusion::train
