#include "diffusion/noise.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "core/mapped_file.h"

namespace edgefusion::diffusion {
namespace {

const std::string kFolder = std::string(EF_SOURCE_DIR) + "/tests/goldens/noise/";

nlohmann::json read_index() {
  auto text = read_text_file(kFolder + "index.json", size_t{1} << 20);
  EXPECT_TRUE(text) << text.error().message();
  return nlohmann::json::parse(*text);
}

std::vector<float> read_floats(const std::string& path) {
  auto file = MappedFile::open(path);
  EXPECT_TRUE(file) << file.error().message();
  std::vector<float> values(file->bytes().size() / sizeof(float));
  std::memcpy(values.data(), file->bytes().data(), values.size() * sizeof(float));
  return values;
}

// Seeds are text in the index, negative ones included, as a user of torch would write them.
uint64_t seed_of(const nlohmann::json& entry) {
  const auto text = entry.at("seed").get<std::string>();
  return text[0] == '-' ? static_cast<uint64_t>(std::stoll(text)) : std::stoull(text);
}

uint64_t fnv1a(std::span<const float> values) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const float value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) {
      hash = (hash ^ ((bits >> shift) & 0xFF)) * 0x100000001B3u;
    }
  }
  return hash;
}

std::vector<float> draw(NoiseGenerator& generator, size_t count) {
  std::vector<float> values(count);
  generator.randn(values);
  return values;
}

TEST(CpuGenerator, EveryCallHasTheBitsOfTorch) {
  const std::vector<float> expected = read_floats(kFolder + "cpu.f32");
  const nlohmann::json index = read_index();
  size_t compared = 0;
  for (const auto& entry : index.at("cpu")) {
    CpuGenerator generator(seed_of(entry));
    size_t at = entry.at("offset");
    for (const size_t size : entry.at("sizes")) {
      for (const float value : draw(generator, size)) {
        ASSERT_EQ(std::bit_cast<uint32_t>(value), std::bit_cast<uint32_t>(expected.at(at)))
            << "seed " << entry.at("seed") << ", call of " << size << ", value " << at;
        ++at, ++compared;
      }
    }
  }
  EXPECT_EQ(compared, expected.size());
}

TEST(CpuGenerator, LatentSizedDrawsHaveTheBitsOfTorch) {
  const nlohmann::json index = read_index();
  ASSERT_FALSE(index.at("cpu_hashed").empty());
  for (const auto& entry : index.at("cpu_hashed")) {
    CpuGenerator generator(seed_of(entry));
    EXPECT_EQ(std::to_string(fnv1a(draw(generator, entry.at("size")))),
              entry.at("fnv1a").get<std::string>())
        << entry.dump();
  }
}

TEST(CpuGenerator, OnlyTheLow32BitsOfASeedCount) {
  CpuGenerator small(5), large((uint64_t{1} << 32) + 5);
  EXPECT_EQ(draw(small, 40), draw(large, 40));
}

TEST(CpuGenerator, AnEmptyCallDrawsNothing) {
  CpuGenerator a(3), b(3);
  draw(a, 0);
  EXPECT_EQ(draw(a, 20), draw(b, 20));
}

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(Philox, GivesTheKnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox_4x32_10({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox_4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox_4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The golden is f64 with the uniform rounded to f32. What is left are our f32 roundings: 2^-24 of
// an angle up to 2 pi (4e-7 absolute, times a radius below 7) and of the product itself.
TEST(CudaGenerator, FollowsTheGridAndOffsetsOfTorch) {
  const nlohmann::json index = read_index();
  ASSERT_FALSE(index.at("cuda").empty());
  for (const auto& entry : index.at("cuda")) {
    CudaGenerator generator(seed_of(entry), entry.at("max_blocks"));
    const std::vector<double> expected = entry.at("values");
    size_t at = 0;
    for (const size_t size : entry.at("sizes")) {
      for (const float value : draw(generator, size)) {
        ASSERT_NEAR(value, expected.at(at), 5e-6) << "seed " << entry.at("seed") << " at " << at;
        ++at;
      }
    }
    EXPECT_EQ(at, expected.size());
  }
}

TEST(CudaGenerator, LooksNormal) {
  CudaGenerator generator(1);
  double sum = 0, squares = 0;
  constexpr size_t kCount = 300'000;  // more than one round of the reference grid
  for (const float value : draw(generator, kCount)) sum += value, squares += value * value;
  EXPECT_NEAR(sum / kCount, 0.0, 0.01);
  EXPECT_NEAR(squares / kCount, 1.0, 0.01);
}

TEST(NoiseForBatch, SharedSeedDrawsTheBatchInOneCall) {
  const auto batch = noise_for_batch({2, 4, 3, 5}, 9, {});
  ASSERT_TRUE(batch);
  CpuGenerator generator(9);
  EXPECT_EQ(*batch, draw(generator, 120));
}

TEST(NoiseForBatch, PerImageSeedsGiveAPictureTheSameNoiseInAnyBatch) {
  for (const NoiseDevice device : {NoiseDevice::cpu, NoiseDevice::cuda}) {
    const auto batch =
        noise_for_batch({3, 4, 3, 5}, 9, {.device = device, .seeds = BatchSeeds::per_image});
    const auto alone =
        noise_for_batch({1, 4, 3, 5}, 11, {.device = device, .seeds = BatchSeeds::per_image});
    ASSERT_TRUE(batch && alone);
    EXPECT_EQ(std::vector<float>(batch->end() - 60, batch->end()), *alone);
  }
}

TEST(NoiseForBatch, RefusesShapesThatAreNoLatents) {
  for (const Shape& shape :
       {Shape{4, 8, 8}, Shape{1, 0, 8, 8}, Shape{1 << 30, 1 << 30, 1 << 30, 1 << 30}}) {
    const auto noise = noise_for_batch(shape, 0, {});
    ASSERT_FALSE(noise);
    EXPECT_EQ(noise.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(noise.error().message().find("[N,C,H,W]"), std::string::npos);
  }
}

}  // namespace
}  // namespace edgefusion::diffusion
