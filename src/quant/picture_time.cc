#include "quant/picture_time.h"

#include <algorithm>
#include <limits>

namespace edgefusion::quant {
namespace {

double ms_of_work(const pipeline::GenerationResult& result) {
  double seconds = 0;
  for (const auto& [stage, time] : result.times) {
    const bool is_work = stage == pipeline::Stage::text_encoder || stage == pipeline::Stage::unet ||
                         stage == pipeline::Stage::decoder;
    if (is_work) seconds += time;
  }
  return 1e3 * seconds;
}

}  // namespace

Result<double> whole_picture_ms(const Variant& variant, const std::string& prompt,
                                const TrialOptions& options, int pictures, const Runtime& runtime) {
  pipeline::GenerationRequest request;
  request.prompt = prompt;
  request.steps = options.steps;
  request.width = options.width;
  request.height = options.height;
  request.seed = options.seed;
  request.precision = variant.precision;
  request.quantization = variant.quantization;
  request.cancel = options.cancel;
  const pipeline::TextToImage painter(variant.model, runtime);
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < pictures; ++i) {
    EF_TRY(const pipeline::GenerationResult result, painter.generate(request));
    least = std::min(least, ms_of_work(result));
  }
  return least;
}

}  // namespace edgefusion::quant
