#include "eval/paint_prompts.h"

#include <utility>

namespace edgefusion::eval {
namespace {

double seconds_of_work(const pipeline::GenerationResult& result) {
  double seconds = 0;
  for (const auto& [stage, time] : result.times) {
    const bool is_work = stage == pipeline::Stage::text_encoder || stage == pipeline::Stage::unet ||
                         stage == pipeline::Stage::decoder;
    if (is_work) seconds += time;
  }
  return seconds;
}

}  // namespace

Result<PaintReport> paint_prompts(const pipeline::TextToImage& painter,
                                  std::span<const std::string> prompts, const PaintOptions& options,
                                  const std::function<Status(formats::Image)>& take) {
  PaintReport report;
  double seconds = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    pipeline::GenerationRequest request;
    request.prompt = prompts[i];
    request.steps = options.steps;
    request.guidance_scale = options.guidance_scale;
    request.width = options.width;
    request.height = options.height;
    request.seed = options.seed + i;
    request.precision = options.precision;
    request.cancel = options.cancel;
    auto painted = painter.generate(request);
    if (!painted) {
      if (painted.error().code() == ErrorCode::cancelled) return fail(std::move(painted).error());
      return fail(std::move(painted).error().with_context("prompt " + std::to_string(i + 1)));
    }
    seconds += seconds_of_work(*painted);
    report.guidance_scale = painted->guidance_scale;
    report.scheduler = painted->scheduler;
    EF_TRY_STATUS(take(std::move(painted->images.front())));
    if (options.progress) options.progress(i + 1, prompts.size());
  }
  report.ms_per_picture = 1e3 * seconds / static_cast<double>(prompts.size());
  return report;
}

}  // namespace edgefusion::eval
