#include "formats/packed_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "core/testing/temporary_folder.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

constexpr Hash128 kKey = {0x1122334455667788u, 0x99aabbccddeeff00u};

class PackedFileTest : public testing::Test {
 protected:
  fs::path path() const { return folder_ / "a.packed"; }

  /// Two whole blocks and a short one.
  std::vector<std::byte> content() const {
    std::vector<std::byte> bytes(2 * PackedFile::kBlockBytes + 4321);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 31 + (i >> 9));
    return bytes;
  }

  void write(std::span<const std::byte> bytes, size_t piece) const {
    auto writer = PackedFileWriter::create(path(), kKey, bytes.size());
    ASSERT_TRUE(writer.has_value()) << writer.error().message();
    for (size_t i = 0; i < bytes.size(); i += piece) {
      ASSERT_TRUE(writer->append(bytes.subspan(i, std::min(piece, bytes.size() - i))));
    }
    ASSERT_TRUE(writer->finish());
  }

  std::vector<char> file_bytes() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void spoil(const std::function<void(std::vector<char>&)>& change) const {
    std::vector<char> bytes = file_bytes();
    change(bytes);
    std::ofstream(path(), std::ios::binary).write(bytes.data(), static_cast<long>(bytes.size()));
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(PackedFileTest, GivesBackWhatWasWrittenHoweverItWasCut) {
  const auto bytes = content();
  for (const size_t piece : {size_t{100'003}, PackedFile::kBlockBytes, bytes.size()}) {
    write(bytes, piece);
    const auto file = PackedFile::open(path());
    ASSERT_TRUE(file.has_value()) << file.error().message();
    EXPECT_EQ(file->key(), kKey);
    EXPECT_TRUE(std::ranges::equal(file->content(), bytes));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(file->content().data()) % 4096, 0u);
    ASSERT_EQ(file->blocks(), 3);
    for (int64_t block = 0; block < 3; ++block) EXPECT_TRUE(file->is_intact(block));
  }
}

TEST_F(PackedFileTest, HoldsNothingToo) {
  write({}, 1);
  const auto file = PackedFile::open(path());
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_EQ(file->blocks(), 0);
}

TEST_F(PackedFileTest, KnowsWhichBlockIsDamaged) {
  write(content(), 1 << 16);
  spoil([](auto& bytes) { bytes[4096 + PackedFile::kBlockBytes + 7] ^= 1; });
  const auto file = PackedFile::open(path());
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_TRUE(file->is_intact(0) && file->is_intact(2));
  EXPECT_FALSE(file->is_intact(1));
  EXPECT_EQ(file->damaged_block(1).message(),
            path().string() + ": checksum of block 1: the content is not what was written");
}

TEST_F(PackedFileTest, RefusesAnyDamageToItsFrame) {
  // Every field of the header, the key among them, is under the header's checksum.
  for (const size_t at : {0, 8, 12, 16, 24, 32, 40, 48}) {
    write(content(), 1 << 20);
    spoil([at](auto& bytes) { bytes[at] ^= 4; });
    const auto file = PackedFile::open(path());
    ASSERT_FALSE(file.has_value()) << "offset " << at;
    EXPECT_EQ(file.error().code(), ErrorCode::bad_file);
    EXPECT_TRUE(file.error().message().starts_with(path().string() + ": ")) << at;
  }
  for (const size_t from_end : {1, 9, 30}) {
    write(content(), 1 << 20);
    spoil([from_end](auto& bytes) { bytes[bytes.size() - from_end] ^= 4; });
    EXPECT_FALSE(PackedFile::open(path()).has_value()) << from_end;
  }
}

TEST_F(PackedFileTest, RefusesAFileOfAnotherLength) {
  for (const long by : {-5'000'000L, -100L, -1L, 1L, 100L}) {
    write(content(), 1 << 20);
    spoil([by](auto& bytes) {
      bytes.resize(static_cast<size_t>(std::max(0L, static_cast<long>(bytes.size()) + by)));
    });
    EXPECT_FALSE(PackedFile::open(path()).has_value()) << by;
  }
}

TEST_F(PackedFileTest, LeavesNothingBehindWhenItIsNotFinished) {
  {
    auto writer = PackedFileWriter::create(path(), kKey, 100);
    ASSERT_TRUE(writer.has_value());
    ASSERT_TRUE(writer->append(std::as_bytes(std::span("abc"))));
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(PackedFileTest, SaysWhereItCannotWrite) {
  const auto writer = PackedFileWriter::create(folder_ / "no" / "a.packed", kKey, 1);
  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().code(), ErrorCode::not_found);
}

}  // namespace
}  // namespace edgefusion::formats
