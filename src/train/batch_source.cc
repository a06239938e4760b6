#include "train/batch_source.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <utility>

#include "train/mirroring.h"

namespace edgefusion::train {

void Batch::move_to(at::Device device) {
  for (at::Tensor* tensor : {&clean, &noise, &t, &states, &without, &critic_noise, &choices}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
}

BatchSource::BatchSource(const TrainConfig& config, LatentCache cache, TextStates text,
                         int64_t timesteps)
    : config_(config),
      cache_(std::move(cache)),
      text_(std::move(text)),
      timesteps_(timesteps),
      order_(cache_.count(), config.seed),
      may_mirror_(static_cast<size_t>(cache_.count()), 0) {
  if (!config_.flip) return;
  for (size_t i = 0; i < may_mirror_.size(); ++i) {
    may_mirror_[i] = may_mirror(cache_.captions(static_cast<int64_t>(i))) ? 1 : 0;
  }
}

void BatchSource::draw(int64_t first, Batch& batch) const {
  batch.noise = at::empty_like(batch.clean);
  if (config_.adversarial_weight > 0) batch.critic_noise = at::empty_like(batch.clean);
  batch.t = at::empty({config_.batch}, at::kLong);
  batch.choices = at::empty({config_.batch, 2}, at::kFloat);
  for (int64_t i = 0; i < config_.batch; ++i) {
    at::Generator random = at::detail::createCPUGenerator(
        mixed_seed(config_.seed, Purpose::noise, static_cast<uint64_t>(first + i)));
    at::Tensor noise = batch.noise[i].normal_(0, 1, random);
    if (config_.noise_offset > 0) {
      noise += at::empty({noise.size(-1)}, at::kFloat).normal_(0, config_.noise_offset, random);
    }
    batch.t[i].random_(0, timesteps_, random);
    batch.choices[i].uniform_(0, 1, random);
    if (batch.critic_noise.defined()) batch.critic_noise[i].normal_(0, 1, random);
  }
}

Result<Batch> BatchSource::batch(int64_t number) {
  const int64_t first = number * config_.batch;
  const std::vector<int64_t> samples = order_.at(first, config_.batch);
  std::vector<uint8_t> mirrored;
  std::vector<std::string> captions;
  for (size_t i = 0; i < samples.size(); ++i) {
    const uint64_t seed =
        mixed_seed(config_.seed, Purpose::choice, static_cast<uint64_t>(first) + i);
    const std::vector<std::string>& all = cache_.captions(samples[i]);
    const bool dropped = static_cast<double>(seed >> 11) * 0x1p-53 < config_.caption_dropout;
    captions.push_back(dropped ? std::string() : all[(seed & 0x3ff) % all.size()]);
    const bool mirror = (seed & 0x400) != 0 && may_mirror_[static_cast<size_t>(samples[i])] != 0;
    mirrored.push_back(mirror ? 1 : 0);
  }
  Batch batch;
  batch.clean = cache_.latents(samples, mirrored);
  draw(first, batch);
  EF_TRY(batch.states, text_.of(captions));
  if (!empty_.defined()) {
    EF_TRY(empty_, text_.of(std::vector<std::string>{""}));
  }
  batch.without = empty_.expand_as(batch.states);
  return batch;
}

}  // namespace edgefusion::train
