#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"
#include "formats/image.h"

namespace edgefusion::train {

/// What is painted at every checkpoint, to see how far a model is.
struct SheetConfig {
  std::vector<std::string> prompts;  ///< none: no sheet
  int64_t steps = 0;                 ///< 0: the model's own default
  double guidance_scale = 0;         ///< 0: the model's own default
};

/// Paints the prompts with the pipeline in `folder`, each with its own number as the seed, at
/// `pixels` squared. Errors: those of opening and painting.
Result<formats::Image> paint_sample_sheet(const std::filesystem::path& folder,
                                          const SheetConfig& config, int64_t pixels);

}  // namespace edgefusion::train
