#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "quant/candidate.h"
#include "quant/picture_trials.h"

namespace edgefusion::quant {

/// What a change of a model did to the same pictures.
struct Deviation {
  double latents_sqnr_db = 0;  ///< infinity: not one bit
  double psnr_db = 0;          ///< of all pictures' pixels together
  double ssim = 1;             ///< mean over pictures
  double mean_square = 0;      ///< of the pixels, of a range of 1
};

/// What candidates are held against: everything in one precision, once.
class Reference {
 public:
  /// Errors: those of running the networks.
  static Result<Reference> make(const PictureTrials& trials, const Variant& variant);

  const std::vector<formats::Image>& pictures() const { return pictures_; }
  const std::vector<Tensor>& latents() const { return latents_; }
  const std::vector<Tensor>& text_states() const { return text_states_; }

  /// Runs the candidate's networks from the first that differs on: `network` alone is another one;
  /// empty: all of them are. The other networks are those of the reference.
  Result<Deviation> deviation(const PictureTrials& trials, const Variant& candidate,
                              std::string_view network) const;
  /// The pictures of a candidate that differs in all networks.
  Result<std::vector<formats::Image>> paint(const PictureTrials& trials,
                                            const Variant& candidate) const;
  Deviation deviation_of(std::span<const formats::Image> pictures) const;

 private:
  Variant variant_;
  std::vector<Tensor> text_states_, latents_;
  std::vector<formats::Image> pictures_;
};

}  // namespace edgefusion::quant
