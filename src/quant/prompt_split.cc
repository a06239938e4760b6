#include "quant/prompt_split.h"

#include <algorithm>

#include "core/result.h"

namespace edgefusion::quant {

PromptSplit split_prompts(std::vector<std::string> prompts, size_t count, size_t most_checks) {
  EF_CHECK(!prompts.empty() && most_checks > 0, "prompts to split");
  constexpr size_t kHeldOut = 4;  // one of so many
  size_t calibrate = count == 0 ? prompts.size() : std::min(count, prompts.size());
  size_t checks = std::min(most_checks, prompts.size() - calibrate);
  if (checks == 0 && calibrate > 1) {
    checks = std::min(most_checks, std::max<size_t>(1, calibrate / kHeldOut));
    calibrate -= checks;
  }
  PromptSplit split;
  const auto end = prompts.end();
  split.check.assign(end - static_cast<std::ptrdiff_t>(std::max<size_t>(checks, 1)), end);
  prompts.resize(calibrate);
  split.calibration = std::move(prompts);
  return split;
}

}  // namespace edgefusion::quant
