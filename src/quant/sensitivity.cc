#include "quant/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "quant/decibels.h"
#include "quant/quality.h"

namespace edgefusion::quant {
namespace {

double sqnr_of(std::span<const Tensor> latents, std::span<const Tensor> reference) {
  double signal = 0, noise = 0;
  for (size_t i = 0; i < latents.size(); ++i) {
    const auto values = latents[i].values<float>(), expected = reference[i].values<float>();
    for (size_t k = 0; k < values.size(); ++k) {
      const double difference = static_cast<double>(values[k]) - expected[k];
      signal += static_cast<double>(expected[k]) * expected[k];
      noise += difference * difference;
    }
  }
  return ratio_db(signal, noise);
}

}  // namespace

Result<Reference> Reference::make(const PictureTrials& trials, const Variant& variant) {
  Reference reference;
  reference.variant_ = variant;
  EF_TRY(reference.text_states_, trials.encode(variant));
  EF_TRY(reference.latents_, trials.denoise(variant, reference.text_states_));
  EF_TRY(reference.pictures_, trials.decode(variant, reference.latents_));
  return reference;
}

Result<Deviation> Reference::deviation(const PictureTrials& trials, const Variant& candidate,
                                       std::string_view network) const {
  const auto variant_of = [&](std::string_view role) -> const Variant& {
    return network.empty() || network == role ? candidate : variant_;
  };
  std::vector<Tensor> states = text_states_, latents = latents_;
  if (network.empty() || network == "text_encoder") {
    EF_TRY(states, trials.encode(variant_of("text_encoder")));
  }
  if (network != "vae") {
    EF_TRY(latents, trials.denoise(variant_of("unet"), states));
  }
  EF_TRY(const auto pictures, trials.decode(variant_of("vae"), latents));
  Deviation deviation = deviation_of(pictures);
  deviation.latents_sqnr_db = sqnr_of(latents, latents_);
  return deviation;
}

Result<std::vector<formats::Image>> Reference::paint(const PictureTrials& trials,
                                                     const Variant& candidate) const {
  EF_TRY(const auto states, trials.encode(candidate));
  EF_TRY(const auto latents, trials.denoise(candidate, states));
  return trials.decode(candidate, latents);
}

Deviation Reference::deviation_of(std::span<const formats::Image> pictures) const {
  Deviation deviation;
  double similarity = 0;
  for (size_t i = 0; i < pictures.size(); ++i) {
    deviation.mean_square += std::pow(10.0, -psnr_db(pictures[i], pictures_[i]) / 10);
    similarity += quant::ssim(pictures[i], pictures_[i]);
  }
  const auto count = static_cast<double>(pictures.size());
  deviation.mean_square /= count;
  deviation.ssim = similarity / count;
  deviation.psnr_db = ratio_db(1.0, deviation.mean_square);
  return deviation;
}

}  // namespace edgefusion::quant
