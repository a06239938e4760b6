#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace edgefusion::quant {

/// Prompts to calibrate by, and others that the result is checked on.
struct PromptSplit {
  std::vector<std::string> calibration, check;
};

/// The first `count` (0: all) calibrate. The last `most_checks` of the rest check; if there is no
/// rest, a quarter of those that calibrate is held out for it, at least one. Only a single prompt
/// does both. `prompts` is not empty.
PromptSplit split_prompts(std::vector<std::string> prompts, size_t count, size_t most_checks);

}  // namespace edgefusion::quant
