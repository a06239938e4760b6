#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "quant/findings.h"
#include "quant/recipe.h"

namespace edgefusion::quant {

/// What the user asks for. Of none at all: the fastest model of 28 dB.
struct SearchGoal {
  std::optional<double> min_psnr_db;  ///< against the pictures in f32
  std::optional<double> max_ms;       ///< of a picture: text encoder, all steps, decoder
  std::optional<double> max_mb;       ///< of the bundle, in 10^6 bytes
};

struct ParetoPoint {
  double time_ms = 0, megabytes = 0, psnr_db = 0;  ///< as predicted
};

struct SearchResult {
  Assignment assignment;
  double time_ms = 0, megabytes = 0;  ///< of a picture; of the bundle: as predicted
  double predicted_psnr_db = 0;
  double psnr_db = 0, ssim = 0;  ///< measured on the prompts of the check
  bool met = false;
  std::string unmet;  ///< what cannot be reached, and the nearest that can
  std::vector<ParetoPoint> curve;
};

/// What of a picture's time and of a bundle's size no choice changes.
struct FixedCosts {
  double ms = 0, megabytes = 0;
};

/// Chooses a scheme for each layer: the fastest within the limit of errors, or the one of least
/// error within limits of time or size. Errors of layers add up as powers: those of content layers
/// (cross-attention, feed-forward) are counted by the structure they change, the others by the
/// noise they make (Zhao et al. 2024, MixDQ). What was predicted is checked by painting, and the
/// limit moved until it holds. recipe: fixed choices win over the search.
/// check(assignment) paints: the deviation from f32. Errors: those of check.
Result<SearchResult> search(const LayerList& list, const Findings& findings,
                            const RecipeChoices& recipe, const SearchGoal& goal, int unet_runs,
                            const FixedCosts& fixed,
                            const std::function<Result<Deviation>(const Assignment&)>& check);

}  // namespace edgefusion::quant
