#include "core/flush_to_disk.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "core/testing/temporary_folder.h"

namespace edgefusion {
namespace {

namespace fs = std::filesystem;

class FlushToDiskTest : public ::testing::Test {
 protected:
  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(FlushToDiskTest, TakesFilesFoldersAndTrees) {
  fs::create_directories(folder_ / "a" / "b");
  std::ofstream(folder_ / "a" / "b" / "c") << "text";
  EXPECT_TRUE(flush_to_disk(folder_ / "a" / "b" / "c").has_value());
  EXPECT_TRUE(flush_to_disk(folder_ / "a").has_value());
  EXPECT_TRUE(flush_tree_to_disk(folder_).has_value());
}

TEST_F(FlushToDiskTest, NamesWhatIsNotThere) {
  const Status status = flush_tree_to_disk(folder_ / "nothing");
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message().find("nothing"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion
