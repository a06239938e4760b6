#include "core/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <string_view>

#include "core/mapped_file.h"
#include "core/testing/temporary_folder.h"

namespace edgefusion {
namespace {

namespace fs = std::filesystem;

class AtomicFileTest : public ::testing::Test {
 protected:
  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
  }
  size_t files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(AtomicFileTest, AppearsOnlyAtCommit) {
  const fs::path path = folder_ / "a.bin";
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->write(bytes("hello ")).has_value());
  ASSERT_TRUE(file->write(bytes("world")).has_value());
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(file->commit().has_value());
  EXPECT_EQ(read_text_file(path, 100).value(), "hello world");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFileTest, LeavesTheOldFileWhenItIsNotCommitted) {
  const fs::path path = folder_ / "a.bin";
  ASSERT_TRUE(write_file_atomically(path, bytes("old")).has_value());
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->write(bytes("new, but given up")).has_value());
  }
  EXPECT_EQ(read_text_file(path, 100).value(), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFileTest, TwoWritersOfOneNameDoNotMix) {
  const fs::path path = folder_ / "a.bin";
  auto first = AtomicFile::create(path);
  auto second = AtomicFile::create(path);
  ASSERT_TRUE(first.has_value() && second.has_value());
  ASSERT_TRUE(first->write(bytes("first")).has_value());
  ASSERT_TRUE(second->write(bytes("second")).has_value());
  ASSERT_TRUE(second->commit().has_value());
  ASSERT_TRUE(first->commit().has_value());
  EXPECT_EQ(read_text_file(path, 100).value(), "first");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFileTest, AFullDeviceIsAnError) {
  const auto written = write_file_atomically("/dev/full", bytes("x"));
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code(), ErrorCode::resource_exhausted);
  EXPECT_NE(written.error().message().find("/dev/full"), std::string::npos);
}

TEST_F(AtomicFileTest, RunningOutOfSpaceLeavesNothingBehind) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = write_file_atomically(folder_ / "a.bin", bytes(std::string(5000, 'x')));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(files(), 0u);
}

TEST_F(AtomicFileTest, RefusesAFolderAMissingFolderAndAFileUsedAsFolder) {
  EXPECT_NE(write_file_atomically(folder_, bytes("x")).error().message().find("Is a directory"),
            std::string::npos);
  const auto missing = write_file_atomically(folder_ / "no" / "a.bin", bytes("x"));
  EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
  ASSERT_TRUE(write_file_atomically(folder_ / "file", bytes("x")).has_value());
  EXPECT_FALSE(write_file_atomically(folder_ / "file" / "a.bin", bytes("x")).has_value());
}

TEST_F(AtomicFileTest, AnUnwritableFolderIsAnError) {
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                               fs::perms::others_exec);
  // The superuser may write anywhere, so step down to an ordinary user for the attempt.
  constexpr uid_t kNobody = 65534;
  const bool superuser = ::geteuid() == 0;
  if (superuser) {
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const auto written = write_file_atomically(folder_ / "a.bin", bytes("x"));
  if (superuser) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  fs::permissions(folder_, fs::perms::owner_all);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code(), ErrorCode::io);
  EXPECT_NE(written.error().message().find("Permission denied"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion
