#include "train/device.h"

#include <ATen/Context.h>

#include <string>

namespace edgefusion::train {

Result<std::string> choose_device(const std::string& word, int64_t local_rank) {
  if (word == "cpu") return word;
  const bool found = at::hasCUDA();
  if (!found && word == "auto") return std::string("cpu");
  if (!found) {
    return fail(
        ErrorCode::unsupported,
        "device \"cuda\": no GPU, or a libtorch that has none; expected \"cpu\" or \"auto\"");
  }
  const int64_t count = static_cast<int64_t>(at::getNumGPUs());
  if (local_rank >= count) {
    return fail(ErrorCode::unsupported, "process " + std::to_string(local_rank) +
                                            " of this machine: expected a GPU for each, found " +
                                            std::to_string(count));
  }
  return "cuda:" + std::to_string(local_rank);
}

}  // namespace edgefusion::train
