#include "formats/safetensors_writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <random>

#include "core/testing/temporary_folder.h"
#include "formats/safetensors.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

class SafetensorsWriterTest : public ::testing::Test {
 protected:
  static std::string contents(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), {});
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(SafetensorsWriterTest, WritesWhatTheReferenceWriterWritesByteForByte) {
  const fs::path reference = fs::path(EF_SOURCE_DIR) / "src/formats/testdata/reference.safetensors";
  const auto file = SafetensorsFile::open(reference);
  ASSERT_TRUE(file.has_value());
  std::vector<NamedTensor> tensors;
  for (const std::string& name : file->names()) tensors.push_back({name, *file->find(name)});
  const auto written = write_safetensors(folder_ / "copy", tensors, file->metadata());
  ASSERT_TRUE(written.has_value()) << written.error().message();
  EXPECT_EQ(contents(folder_ / "copy"), contents(reference));
}

TEST_F(SafetensorsWriterTest, RandomTensorsComeBackAsTheyWere) {
  std::mt19937 random(7);
  constexpr DType kTypes[] = {DType::u8, DType::f16, DType::f32, DType::i64, DType::boolean};
  for (int round = 0; round < 30; ++round) {
    std::vector<Tensor> owned;
    std::vector<NamedTensor> tensors;
    const size_t count = random() % 6;
    for (size_t i = 0; i < count; ++i) {
      std::vector<int64_t> extents(random() % 5);
      for (int64_t& extent : extents) extent = random() % 5;
      owned.emplace_back(Shape(extents), kTypes[random() % std::size(kTypes)]);
      TensorView view = owned.back().view();
      for (size_t b = 0; b < view.bytes(); ++b) view.data[b] = static_cast<std::byte>(random());
    }
    for (const Tensor& tensor : owned) {
      tensors.push_back({"t\"" + std::to_string(random()), tensor.view()});
    }
    const std::map<std::string, std::string> metadata = {{"k\n", "v\xc3\xa9"}};
    const fs::path path = folder_ / std::to_string(round);
    ASSERT_TRUE(write_safetensors(path, tensors, metadata).has_value());
    const auto file = SafetensorsFile::open(path);
    ASSERT_TRUE(file.has_value()) << file.error().message();
    EXPECT_EQ(file->metadata(), metadata);
    EXPECT_EQ(file->names().size(), tensors.size());
    for (const NamedTensor& named : tensors) {
      const ConstTensorView* read = file->find(named.name);
      ASSERT_NE(read, nullptr);
      EXPECT_EQ(read->shape, named.tensor.shape);
      EXPECT_EQ(read->dtype, named.tensor.dtype);
      EXPECT_EQ(std::memcmp(read->data, named.tensor.data, named.tensor.bytes()), 0);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(read->data) % size_of(read->dtype), 0u);
    }
  }
}

TEST_F(SafetensorsWriterTest, AsksTheProducerOnceForEachTensorInFileOrder) {
  std::vector<std::string> asked;
  Tensor scratch;
  const auto written = write_safetensors(
      folder_ / "f",
      {{"b", DType::f16, Shape{2}}, {"a", DType::f16, Shape{2}}, {"z", DType::f32, Shape{1}}}, {},
      [&](const TensorRecord& record) -> Result<ConstTensorView> {
        asked.push_back(record.name);
        scratch = Tensor(record.shape, record.dtype);
        return std::as_const(scratch).view();
      });
  ASSERT_TRUE(written.has_value());
  EXPECT_EQ(asked, (std::vector<std::string>{"z", "a", "b"}));
}

TEST_F(SafetensorsWriterTest, AFailingProducerLeavesNoFile) {
  const auto written = write_safetensors(folder_ / "f", {{"a", DType::f32, Shape{1}}}, {},
                                         [](const TensorRecord&) -> Result<ConstTensorView> {
                                           return fail(ErrorCode::cancelled, "stopped");
                                         });
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code(), ErrorCode::cancelled);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(SafetensorsWriterTest, BadNamesAreRefused) {
  const Tensor one(Shape{1}, DType::f32);
  for (const std::vector<NamedTensor>& tensors :
       {std::vector<NamedTensor>{{"a", one.view()}, {"a", one.view()}},
        std::vector<NamedTensor>{{"\xff", one.view()}},
        std::vector<NamedTensor>{{"__metadata__", one.view()}}}) {
    const auto written = write_safetensors(folder_ / "f", tensors);
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code(), ErrorCode::invalid_argument);
  }
  EXPECT_FALSE(write_safetensors(folder_ / "f", {}, {{"k", "\xff"}}).has_value());
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(SafetensorsWriterTest, AFullDiskLeavesTheOldFileAndNothingElse) {
  const Tensor small(Shape{1}, DType::f32);
  const Tensor big(Shape{100000}, DType::f32);
  const fs::path path = folder_ / "f.safetensors";
  ASSERT_TRUE(write_safetensors(path, {{"old", small.view()}}).has_value());
  const std::string old = contents(path);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto written = write_safetensors(path, {{"new", big.view()}});
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code(), ErrorCode::resource_exhausted);
  EXPECT_NE(written.error().message().find("f.safetensors"), std::string::npos);
  EXPECT_EQ(contents(path), old);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(SafetensorsWriterTest, FullDevicesAndMissingFoldersAreErrors) {
  const Tensor one(Shape{1}, DType::f32);
  const auto full = write_safetensors("/dev/full", {{"a", one.view()}});
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code(), ErrorCode::resource_exhausted);
  EXPECT_FALSE(write_safetensors(folder_ / "no" / "f", {{"a", one.view()}}).has_value());
}

}  // namespace
}  // namespace edgefusion::formats
