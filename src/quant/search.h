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
  double time_ms = 0, megabytes = 0;    ///< of a picture; of the bundle: as predicted
  std::optional<double> whole_ms;       ///< of a whole picture, measured
  std::optional<int64_t> bundle_bytes;  ///< to the byte
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

/// What an assignment costs as a whole, asked where there is a limit on it; empty: what was
/// predicted is taken for it.
struct WholeCosts {
  std::function<Result<double>(const Assignment&)> picture_ms;
  std::function<Result<int64_t>(const Assignment&)> bundle_bytes;
};

/// Chooses a scheme for each layer: the fastest within the limit of errors, or the one of least
/// error within limits of time or size. Errors of layers add up as powers: those of content layers
/// (cross-attention, feed-forward) are counted by the structure they change, the others by the
/// noise they make (Zhao et al. 2024, MixDQ). What was predicted is checked by painting, and the
/// limit moved until it holds; so are limits of time and size, by what the choice costs as a whole.
/// Where f32 was tried for a layer, what bf16 costs it counts too. recipe: fixed choices win over
/// the search.
/// check(assignment) paints: the deviation from f32. Errors: those of check and of `whole`.
Result<SearchResult> search(const LayerList& list, const Findings& findings,
                            const RecipeChoices& recipe, const SearchGoal& goal, int unet_runs,
                            const FixedCosts& fixed,
                            const std::function<Result<Deviation>(const Assignment&)>& check,
                            const WholeCosts& whole = {});

}  // namespace edgefusion::quant
