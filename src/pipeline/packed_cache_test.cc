#include "pipeline/packed_cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "core/testing/temporary_folder.h"
#include "formats/packed_file.h"
#include "pipeline/sanitized.h"
#include "pipeline/text_to_image.h"

namespace edgefusion::pipeline {
namespace {

namespace fs = std::filesystem;

/// A model of 1 MB, its cache in a folder of its own, and what was said.
class PackedCacheTest : public testing::Test {
 protected:
  PackedCacheTest() {
    fs::copy(fs::path(EF_SOURCE_DIR) / "tests/goldens/pipelines/lcm_w", model_,
             fs::copy_options::recursive);
  }

  Runtime runtime() {
    auto made = Runtime::make(1, "", [this](LogLevel, std::string_view text) {
      const std::lock_guard lock(mutex_);
      said_.emplace_back(text);
    });
    EF_CHECK(made.has_value(), "no cap, no error");
    return std::move(*made);
  }

  GenerationRequest request(engine::Precision precision = engine::Precision::bf16) const {
    GenerationRequest request;
    request.prompt = "a fox";
    request.steps = 1;
    request.width = request.height = 16;
    request.precision = precision;
    return request;
  }

  Result<GenerationResult> generate(const GenerationRequest& request,
                                    const PackedCacheOptions* options) {
    const Runtime lent = runtime();
    EF_TRY(auto model, Model::open(model_));
    std::optional<PackedCache> cache;
    if (options != nullptr) cache.emplace(*options, lent);
    return TextToImage(std::move(model), lent, cache ? &*cache : nullptr).generate(request);
  }

  std::vector<uint8_t> pixels(const PackedCacheOptions* options) {
    auto result = generate(request(), options);
    EXPECT_TRUE(result.has_value()) << result.error().message();
    return result ? result->images[0].pixels : std::vector<uint8_t>();
  }
  std::vector<uint8_t> cached() { return pixels(&all_); }

  std::vector<fs::path> regions() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(all_.folder)) {
      if (entry.path().extension() == ".packed") found.push_back(entry.path());
    }
    std::ranges::sort(found);
    return found;
  }
  fs::path region(const std::string& network) const {
    for (const fs::path& path : regions()) {
      if (path.filename().string().starts_with(network)) return path;
    }
    ADD_FAILURE() << "no region of " << network;
    return {};
  }

  static std::vector<char> read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const fs::path& path, const std::vector<char>& bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<long>(bytes.size()));
  }

  bool was_said(const std::string& words) const {
    return std::ranges::any_of(
        said_, [&](const std::string& line) { return line.find(words) != std::string::npos; });
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  const fs::path model_ = folder_ / "model";
  PackedCacheOptions all_ = {.folder = folder_ / "cache", .least_bytes = 0};
  std::vector<std::string> said_;
  std::mutex mutex_;
};

TEST_F(PackedCacheTest, AHitGivesTheSameBits) {
  const auto expected = pixels(nullptr);
  EXPECT_EQ(cached(), expected);
  const auto kept = regions();
  ASSERT_GE(kept.size(), 3u);  // one a network, or a part of one
  EXPECT_EQ(cached(), expected);
  EXPECT_EQ(regions(), kept);
  EXPECT_TRUE(said_.empty()) << said_[0];
}

TEST_F(PackedCacheTest, ARegionWithTheRightNameAndOtherBytesIsPackedAnew) {
  const auto expected = cached();
  const fs::path path = region("vae_decoder");
  const std::vector<char> good = read(path);
  const auto file = formats::PackedFile::open(path);
  ASSERT_TRUE(file.has_value());
  const std::vector<std::byte> zeros(file->content().size());
  auto writer = formats::PackedFileWriter::create(path, file->key(), zeros.size());
  ASSERT_TRUE(writer && writer->append(zeros) && writer->finish());
  EXPECT_EQ(cached(), expected);
  EXPECT_TRUE(was_said("packed otherwise than this program packs"));
  EXPECT_EQ(read(path), good);
}

TEST_F(PackedCacheTest, AnyDamageIsMendedWithAWord) {
  const auto expected = cached();
  const fs::path path = region("unet");
  const std::vector<char> good = read(path);
  const size_t content = formats::PackedFile::kHeaderBytes;
  for (const size_t at :
       {size_t{0}, size_t{8}, size_t{12}, size_t{16}, size_t{32}, size_t{40}, size_t{48}, content,
        content + 12345, good.size() - 20, good.size() - 1}) {
    std::vector<char> bad = good;
    bad[at] ^= 1;
    write(path, bad);
    said_.clear();
    EXPECT_EQ(cached(), expected) << at;
    ASSERT_EQ(said_.size(), 1u) << at;
    EXPECT_TRUE(was_said(path.string() + ": ") && was_said("; packing again")) << said_[0];
    EXPECT_EQ(read(path), good) << at;
  }
}

TEST_F(PackedCacheTest, AFileCutShortOrOfAnotherKindOrKeyIsMended) {
  const auto expected = cached();
  const fs::path path = region("unet");
  const std::vector<char> good = read(path);
  const std::vector<char> other = read(region("text_encoder"));
  for (const auto& bad :
       {std::vector<char>(), std::vector<char>(good.begin(), good.begin() + 100),
        std::vector<char>(good.begin(), good.end() - 1000), std::vector<char>(50000, 'x'), other}) {
    write(path, bad);
    said_.clear();
    EXPECT_EQ(cached(), expected);
    EXPECT_EQ(said_.size(), 1u);
    EXPECT_EQ(read(path), good);
  }
}

TEST_F(PackedCacheTest, OtherWeightsArePackedAnew) {
  const auto before = cached();
  const size_t kept = regions().size();
  const fs::path weights = model_ / "vae" / "diffusion_pytorch_model.safetensors";
  std::vector<char> bytes = read(weights);
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (size_t i = 8 + header; i < 8 + header + 2000; i += 2) bytes[i] ^= 0x15;  // the decoder's
  write(weights, bytes);
  EXPECT_NE(cached(), before);
  EXPECT_EQ(cached(), pixels(nullptr));
  EXPECT_EQ(regions().size(), kept + 1);
}

TEST_F(PackedCacheTest, EachPrecisionHasItsOwnAndSizesThatPackAlikeShare) {
  ASSERT_TRUE(generate(request(engine::Precision::bf16), &all_));
  const size_t kept = regions().size();
  ASSERT_TRUE(generate(request(engine::Precision::f32), &all_));
  EXPECT_EQ(regions().size(), 2 * kept);
  GenerationRequest wide = request(engine::Precision::f32);
  wide.width = 32;
  ASSERT_TRUE(generate(wide, &all_));
  EXPECT_EQ(regions().size(), 2 * kept);
}

TEST_F(PackedCacheTest, ProcessesMayWriteTheSameRegionsAtOnce) {
  const auto expected = pixels(nullptr);
  std::vector<std::vector<uint8_t>> pictures(4);
  std::vector<std::thread> writers;
  for (auto& picture : pictures) writers.emplace_back([&] { picture = cached(); });
  for (auto& writer : writers) writer.join();
  for (const auto& picture : pictures) EXPECT_EQ(picture, expected);
  const auto kept = regions();
  EXPECT_EQ(cached(), expected);
  EXPECT_EQ(regions(), kept);
  EXPECT_TRUE(said_.empty()) << said_[0];
}

TEST_F(PackedCacheTest, AFolderThatCannotBeIsToldOnceAndNoMore) {
  const auto expected = pixels(nullptr);
  write(folder_ / "file", {'x'});
  all_.folder = folder_ / "file" / "cache";
  EXPECT_EQ(cached(), expected);
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_TRUE(was_said("packed weights are not kept: ")) << said_[0];
}

TEST_F(PackedCacheTest, AFullDiskIsToldOnceAndLeavesNothing) {
  const auto expected = pixels(nullptr);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 5000;  // the header goes through, the content does not
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto found = cached();
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(found, expected);
  EXPECT_EQ(said_.size(), 1u);
  EXPECT_TRUE(was_said("cannot write")) << said_[0];
  EXPECT_TRUE(regions().empty());
}

TEST_F(PackedCacheTest, SmallNetworksAreNotKept) {
  const PackedCacheOptions usual = {.folder = folder_ / "cache"};
  EXPECT_FALSE(pixels(&usual).empty());
  EXPECT_FALSE(fs::exists(usual.folder));
}

TEST_F(PackedCacheTest, TheOldestGoWhenTheFolderIsFull) {
  all_.most_bytes = 1;
  EXPECT_FALSE(cached().empty());
  ASSERT_EQ(regions().size(), 1u);
  EXPECT_TRUE(regions()[0].filename().string().starts_with("vae_decoder"));  // made last
}

TEST_F(PackedCacheTest, WeightsReadStepByStepGiveTheSameBits) {
  if (kSanitized) GTEST_SKIP() << "sanitizers take memory of their own between forecast and run";
  const auto expected = cached();
  const Runtime lent = runtime();
  auto model = Model::open(model_);
  ASSERT_TRUE(model.has_value());
  for (const bool found : {true, false}) {
    if (!found) fs::remove_all(all_.folder);
    PackedCache cache(all_, lent);
    const TextToImage painter(*model, lent, &cache);
    GenerationRequest limited = request();
    const auto forecast = painter.forecast(limited);
    ASSERT_TRUE(forecast.has_value());
    const int64_t least = forecast->streamed_peak_bytes(), most = forecast->peak_bytes();
    ASSERT_LT(least, most);
    limited.memory_limit_bytes = least + (most - least) * 3 / 4;
    said_.clear();
    const auto result = painter.generate(limited);
    ASSERT_TRUE(result.has_value()) << result.error().message();
    EXPECT_EQ(result->images[0].pixels, expected);
    EXPECT_TRUE(was_said("are read again at each pass"));
  }
}

TEST_F(PackedCacheTest, ALimitBelowWhatOneStepTakesIsRefusedWithTheForecast) {
  GenerationRequest limited = request();
  limited.memory_limit_bytes = 1 << 20;
  const auto result = generate(limited, &all_);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), ErrorCode::resource_exhausted);
  EXPECT_TRUE(result.error().message().starts_with("memory limit 1 MiB: this picture takes "))
      << result.error().message();
}

/// The hash in hex, or the error.
std::string hash_of(const fs::path& index, const fs::path& file) {
  const auto hash = FileHashes(index).hash(file);
  return hash ? hash->to_hex() : hash.error().message();
}

TEST(FileHashes, RemembersAFileUntilItChanges) {
  const TemporaryFolder temporary;
  const fs::path& folder = temporary.path();
  const fs::path file = folder / "file", index = folder / "hashes.json";
  std::ofstream(file) << "content";
  const std::string hash = hash_of(index, file);
  EXPECT_FALSE(fs::exists(index)) << "it may change within the tick of the clock";
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  EXPECT_EQ(hash_of(index, file), hash);
  // What is remembered is believed: that shows that the file is not read again.
  std::ifstream in(index);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string other(32, '7');
  ASSERT_NE(text.find(hash), std::string::npos) << text;
  text.replace(text.find(hash), 32, other);
  std::ofstream(index) << text;
  EXPECT_EQ(hash_of(index, file), other);
  std::ofstream(file) << "CONTENT";
  const std::string changed = hash_of(index, file);
  EXPECT_TRUE(changed != hash && changed != other && changed.size() == 32) << changed;
  std::ofstream(index) << "{\"damaged";
  EXPECT_EQ(hash_of(index, file), changed);
  EXPECT_TRUE(hash_of(index, folder / "none").starts_with((folder / "none").string()));
}

}  // namespace
}  // namespace edgefusion::pipeline
