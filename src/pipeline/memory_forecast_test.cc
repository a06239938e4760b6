#include <gtest/gtest.h>

#include <string>

#include "core/process_memory.h"
#include "pipeline/sanitized.h"
#include "pipeline/text_to_image.h"

// A test program of its own: the peak it looks at is that of the whole process.

namespace edgefusion::pipeline {
namespace {

constexpr double kMiB = 1 << 20;

TEST(MemoryForecast, IsCloseToThePeakOfARealRun) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep memory of their own";
  auto runtime = Runtime::make(2, "", {});
  ASSERT_TRUE(runtime);
  auto model = Model::open(EF_SOURCE_DIR "/models/emoji-v0");
  ASSERT_TRUE(model) << model.error().message();
  const TextToImage painter(*model, *runtime);
  GenerationRequest request;
  request.prompt = "a red apple";
  request.steps = 2;
  request.width = request.height = 256;
  const auto forecast = painter.forecast(request);
  ASSERT_TRUE(forecast) << forecast.error().message();
  const auto result = painter.generate(request);
  ASSERT_TRUE(result) << result.error().message();

  const auto expected = static_cast<double>(forecast->peak_bytes());
  const auto measured = static_cast<double>(peak_resident_bytes());
  RecordProperty("forecast_mib", std::to_string(expected / kMiB));
  RecordProperty("measured_mib", std::to_string(measured / kMiB));
  // A limit must be kept: what is not forecast is a page of source weights while it is packed, the
  // picture, the code paged in. A forecast far above would refuse what fits.
  EXPECT_LE(measured, expected * 1.05 + 8 * kMiB)
      << expected / kMiB << " MiB forecast, " << measured / kMiB << " MiB measured";
  EXPECT_GE(measured, expected * 0.90)
      << expected / kMiB << " MiB forecast, " << measured / kMiB << " MiB measured";
}

}  // namespace
}  // namespace edgefusion::pipeline
