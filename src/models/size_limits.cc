#include "models/size_limits.h"

#include <string>

namespace edgefusion::models {
namespace {

Status check(std::string_view what, int64_t value, int64_t most) {
  if (value >= 1 && value <= most) return {};
  return fail(ErrorCode::invalid_argument, std::string(what) + ": " + std::to_string(value) +
                                               ", expected 1 to " + std::to_string(most));
}

}  // namespace

Status check_batch(int64_t batch) { return check("batch", batch, kMostBatch); }

Status check_picture(std::string_view what, int64_t batch, int64_t height, int64_t width,
                     int64_t most_pixels) {
  const std::string name(what);
  EF_TRY_STATUS(check_batch(batch));
  EF_TRY_STATUS(check(name + ": height", height, kMostSide));
  EF_TRY_STATUS(check(name + ": width", width, kMostSide));
  return check(name + ": batch x height x width", batch * height * width, most_pixels);
}

Status check_tokens(int64_t tokens, int64_t most) { return check("tokens", tokens, most); }

}  // namespace edgefusion::models
