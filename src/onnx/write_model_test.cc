#include "onnx/write_model.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "core/testing/temporary_folder.h"

namespace edgefusion::onnx {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Tensor counted(int64_t count) {
  Tensor tensor(Shape{count}, DType::f32);
  float value = 0;
  for (float& x : tensor.values<float>()) x = value++;
  return tensor;
}

/// y = x + 600 numbers + 3 numbers; the first are more than what stays in the model file.
Draft two_tensors() {
  Draft draft("net");
  const std::vector<int64_t> dims = {600};
  draft.add_input("x", DType::f32, dims);
  const std::string large = draft.add_initializer("large", DType::f32, {600},
                                                  [] { return Result<Tensor>(counted(600)); });
  const std::string small =
      draft.add_initializer("small", DType::f32, {1}, [] { return Result<Tensor>(counted(1)); });
  const std::string sum = draft.add_node("Add", {"x", large}, {}, "sum");
  draft.add_output(draft.add_node("Add", {sum, small}, {}, "y"), DType::f32, dims);
  return draft;
}

onnx_proto::ModelProto parsed(const fs::path& path) {
  onnx_proto::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes_of(path)));
  return model;
}

TEST(WriteModel, KeepsTensorsInTheMessage) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_model(two_tensors(), folder.path() / "m.onnx").has_value());
  const auto model = parsed(folder.path() / "m.onnx");
  EXPECT_EQ(model.opset_import(0).version(), kOpset);
  EXPECT_EQ(model.graph().name(), "net");
  EXPECT_EQ(model.graph().node_size(), 2);
  ASSERT_EQ(model.graph().initializer_size(), 2);
  const std::string& data = model.graph().initializer(0).raw_data();
  ASSERT_EQ(data.size(), 2400u);
  float last = 0;
  std::memcpy(&last, data.data() + 2396, sizeof last);
  EXPECT_EQ(last, 599.0f);
  EXPECT_FALSE(fs::exists(folder.path() / "m.onnx.data"));
}

TEST(WriteModel, PutsLargeTensorsBesideTheModelOnRequest) {
  const TemporaryFolder folder;
  ASSERT_TRUE(
      write_model(two_tensors(), folder.path() / "m.onnx", {.external_data = true}).has_value());
  const auto model = parsed(folder.path() / "m.onnx");
  const auto& large = model.graph().initializer(0);
  EXPECT_EQ(large.data_location(), onnx_proto::TensorProto::EXTERNAL);
  ASSERT_EQ(large.external_data_size(), 3);
  EXPECT_EQ(large.external_data(0).value(), "m.onnx.data");
  EXPECT_EQ(large.external_data(1).value(), "0");
  EXPECT_EQ(large.external_data(2).value(), "2400");
  EXPECT_EQ(model.graph().initializer(1).raw_data().size(), 4u);
  EXPECT_EQ(fs::file_size(folder.path() / "m.onnx.data"), 2400u);
}

TEST(WriteModel, LeavesNothingBehindWhenATensorCannotBeMade) {
  const TemporaryFolder folder;
  for (const bool external : {false, true}) {
    Draft draft = two_tensors();
    draft.add_initializer("bad", DType::f32, {600},
                          []() -> Result<Tensor> { return fail(ErrorCode::bad_file, "no"); });
    const Status status = write_model(draft, folder.path() / "m.onnx", {.external_data = external});
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().message(), "bad: no");
    EXPECT_TRUE(fs::is_empty(folder.path()));
  }
}

TEST(WriteModel, StopsWhenItIsTold) {
  const TemporaryFolder folder;
  const std::atomic<bool> cancel = true;
  const Status status = write_model(two_tensors(), folder.path() / "m.onnx", {.cancel = &cancel});
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), ErrorCode::cancelled);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace edgefusion::onnx
