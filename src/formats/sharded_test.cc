#include "formats/sharded.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/testing/temporary_folder.h"
#include "formats/safetensors_writer.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

class ShardedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_shard("s1.safetensors", {"a", "b"}, 1.0f);
    write_shard("s2.safetensors", {"c"}, 2.0f);
  }

  void write_shard(const std::string& file, const std::vector<std::string>& names, float value) {
    const float values[] = {value};
    const Tensor tensor = Tensor::from_f32(Shape{1}, values);
    std::vector<NamedTensor> tensors;
    for (const std::string& name : names) tensors.push_back({name, tensor.view()});
    ASSERT_TRUE(write_safetensors(folder_ / file, tensors).has_value());
  }

  Result<ShardedSafetensors> open(const std::string& index) {
    const fs::path path = folder_ / "model.safetensors.index.json";
    std::ofstream(path) << index;
    return ShardedSafetensors::open(path);
  }

  std::string error_of(const std::string& index) {
    const auto opened = open(index);
    return opened ? "no error" : opened.error().message();
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(ShardedTest, ReadsAllShardsAsOneSource) {
  const auto source = open(R"({"metadata":{"total_size":12},"weight_map":
    {"c":"s2.safetensors","a":"s1.safetensors","b":"s1.safetensors"}})");
  ASSERT_TRUE(source.has_value()) << source.error().message();
  EXPECT_EQ(source->names(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(load_as_f32(*source->find("b"), 0), 1.0f);
  EXPECT_EQ(load_as_f32(*source->find("c"), 0), 2.0f);
  EXPECT_EQ(source->find("d"), nullptr);
  source->release("c");
  EXPECT_EQ(load_as_f32(*source->find("c"), 0), 2.0f);
}

TEST_F(ShardedTest, ShardsOutsideOfTheFolderAreRefused) {
  fs::create_directory(folder_ / "sub");
  fs::copy_file(folder_ / "s2.safetensors", folder_ / "sub" / "s2.safetensors");
  for (const std::string name : {"../s2.safetensors", "/etc/passwd", "sub/s2.safetensors", "..",
                                 ".", "", "a\\\\b", "s2.safetensors\\u0000"}) {
    const std::string error = error_of(R"({"weight_map":{"c":")" + name + "\"}}");
    EXPECT_NE(error.find("expected a file name in this folder"), std::string::npos)
        << name << ": " << error;
  }
}

TEST_F(ShardedTest, AMissingShardIsNamed) {
  const auto opened = open(R"({"weight_map":{"c":"s3.safetensors"}})");
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), ErrorCode::not_found);
  EXPECT_NE(opened.error().message().find("s3.safetensors"), std::string::npos);
}

TEST_F(ShardedTest, IndexAndShardsMustNameTheSameTensors) {
  EXPECT_NE(error_of(R"({"weight_map":{"c":"s2.safetensors","d":"s2.safetensors"}})")
                .find("d: expected in this shard"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"weight_map":{"a":"s1.safetensors","c":"s2.safetensors"}})")
                .find("b: expected only tensors"),
            std::string::npos);
}

TEST_F(ShardedTest, AnIndexWithoutAWeightMapIsRefused) {
  EXPECT_NE(error_of("{}").find("weight_map: expected object, found nothing"), std::string::npos);
  EXPECT_NE(error_of(R"({"weight_map":[]})").find("found list of 0"), std::string::npos);
  EXPECT_NE(error_of(R"({"weight_map":{"a":1}})").find("found integer 1"), std::string::npos);
  EXPECT_NE(error_of("[]").find("expected a JSON object"), std::string::npos);
  EXPECT_NE(error_of("{").find("line 1"), std::string::npos);
}

TEST_F(ShardedTest, ABrokenShardIsAnError) {
  fs::resize_file(folder_ / "s2.safetensors", fs::file_size(folder_ / "s2.safetensors") - 1);
  EXPECT_NE(error_of(R"({"weight_map":{"c":"s2.safetensors"}})").find("s2.safetensors"),
            std::string::npos);
}

}  // namespace
}  // namespace edgefusion::formats
