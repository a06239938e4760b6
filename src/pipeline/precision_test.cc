#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "core/env.h"
#include "pipeline/text_to_image.h"

// What a precision costs: pictures of the default model against those in f32, two steps.

namespace edgefusion::pipeline {
namespace {

struct Precisions {
  Runtime runtime = *Runtime::make(2, read_environment().isa.value_or(""), {});
  std::shared_ptr<const Model> model = *Model::open(EF_SOURCE_DIR "/models/emoji-v0");

  formats::Image paint(const std::string& prompt, engine::Precision precision, int size) const {
    GenerationRequest request;
    request.prompt = prompt;
    request.steps = 2;
    request.seed = 11;
    request.width = request.height = size;
    request.precision = precision;
    const auto result = TextToImage(model, runtime).generate(request);
    EXPECT_TRUE(result) << result.error().message();
    return result ? result->images.at(0) : formats::Image();
  }
};

double psnr(const formats::Image& a, const formats::Image& b) {
  double squares = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const double difference = static_cast<double>(a.pixels[i]) - static_cast<double>(b.pixels[i]);
    squares += difference * difference;
  }
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.pixels.size()) / squares);
}

TEST(Precision, PicturesInBf16AreWithin35DecibelsOfF32) {
  const Precisions precisions;
  for (const char* prompt : {"a red apple", "a blue car", "a smiling cat", "a house"}) {
    const formats::Image full = precisions.paint(prompt, engine::Precision::f32, 128);
    const formats::Image half = precisions.paint(prompt, engine::Precision::bf16, 128);
    ASSERT_EQ(full.pixels.size(), half.pixels.size());
    EXPECT_GE(psnr(full, half), 35.0) << prompt;
  }
}

/// Large enough for the larger tiles of Winograd in the U-Net as well.
TEST(Precision, SoAreLargePictures) {
  const Precisions precisions;
  const formats::Image full = precisions.paint("a red apple", engine::Precision::f32, 384);
  const formats::Image half = precisions.paint("a red apple", engine::Precision::bf16, 384);
  EXPECT_GE(psnr(full, half), 35.0);
}

TEST(Precision, AutoIsBf16WhereItIsNative) {
  EXPECT_EQ(*engine::parse_precision("auto", Isa::avx512_bf16), engine::Precision::bf16);
  EXPECT_EQ(*engine::parse_precision("auto", Isa::amx_bf16), engine::Precision::bf16);
  EXPECT_EQ(*engine::parse_precision("auto", Isa::avx2), engine::Precision::f32);
  EXPECT_FALSE(engine::parse_precision("int3", Isa::avx2));
}

}  // namespace
}  // namespace edgefusion::pipeline
