#include "formats/quantized_bundle.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/testing/temporary_folder.h"
#include "formats/bundle.h"
#include "formats/quantized_weights.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

const char* const kModel = EF_SOURCE_DIR "/models/emoji-v0";

/// A tensor of the U-Net of two axes, and codes of any kind for it: code k of output o is o + k.
struct Coded {
  std::string name;
  QuantizedWeights weights;
};

Coded coded(const ModelFolder& model, WeightCode code) {
  const TensorSource& unet = *model.network("unet")->weights;
  for (const std::string& name : unet.names()) {
    const Shape& shape = unet.find(name)->shape;
    if (shape.rank() != 2 || shape[0] % 16 != 0 || shape[1] % 32 != 0) continue;
    QuantizedWeights weights;
    weights.code = code;
    weights.shape = shape;
    weights.codes.resize(code_bytes(code, shape));
    for (size_t i = 0; i < weights.codes.size(); ++i) {
      weights.codes[i] = static_cast<std::byte>((i * 7) % 251);
    }
    if (code == WeightCode::s8) weights.scales.assign(static_cast<size_t>(shape[0]), 0.5f);
    if (code == WeightCode::s4) {
      weights.group = 32;
      weights.scales.assign(static_cast<size_t>(shape[0] * shape[1] / 32), 0.25f);
    }
    if (code > WeightCode::s4) {
      weights.rows_per_palette = 16;
      weights.palettes.assign(static_cast<size_t>(shape[0] / 16) << bits_of(code), 2.0f);
    }
    return {name, weights};
  }
  EF_CHECK(false, "the model has such a tensor");
  return {};
}

/// Writes a bundle with that tensor quantised.
Status write(const Coded& tensor, const fs::path& path, float input_scale = 0.125f) {
  EF_TRY(const ModelFolder model, open_diffusers_folder(kModel));
  QuantizedContents contents;
  contents.tensors["unet"][tensor.name] = tensor.weights;
  contents.numbers["unet/some.layer.input_scale"] = {input_scale};
  contents.description = {{"version", 1}};
  return write_quantized_bundle(model, contents, path);
}

TEST(QuantizedBundle, CodesComeBackAsTheyWere) {
  const TemporaryFolder folder;
  const auto model = open_diffusers_folder(kModel);
  ASSERT_TRUE(model) << model.error().message();
  for (const WeightCode code : {WeightCode::s8, WeightCode::s4, WeightCode::palette4,
                                WeightCode::palette5, WeightCode::palette6}) {
    const fs::path path = folder.path() / "q.safetensors";
    const Coded tensor = coded(*model, code);
    const auto written = write(tensor, path);
    ASSERT_TRUE(written) << written.error().message();
    const auto read = open_model(path);
    ASSERT_TRUE(read) << read.error().message();
    const TensorSource& unet = *read->network("unet")->weights;
    const QuantizedTensor* found = unet.quantized(tensor.name);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->code, code);
    EXPECT_EQ(unet.find(tensor.name)->shape, tensor.weights.shape);
    ASSERT_EQ(found->code_bytes, tensor.weights.codes.size());
    EXPECT_EQ(0, std::memcmp(found->codes, tensor.weights.codes.data(), found->code_bytes));
    const Tensor expected = dequantized(tensor.weights.view()), same = dequantized(*found);
    EXPECT_TRUE(std::ranges::equal(expected.values<float>(), same.values<float>()));
    // Everything else is what it was.
    EXPECT_EQ(unet.quantized("conv_in.weight"), nullptr);
    EXPECT_EQ(unet.names(), model->network("unet")->weights->names());
    EXPECT_EQ(*quantized_numbers(*read->bundle, "unet/some.layer.input_scale"),
              std::vector<float>{0.125f});
  }
}

TEST(QuantizedBundle, SizesThatDoNotFitNameTheTensor) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "q.safetensors";
  const auto model = open_diffusers_folder(kModel);
  ASSERT_TRUE(model);
  const auto error_of = [&](const Coded& tensor) {
    const auto written = write(tensor, path);
    EXPECT_TRUE(written);
    const auto read = open_model(path);
    EXPECT_FALSE(read);
    return read ? std::string() : read.error().message();
  };
  Coded few_scales = coded(*model, WeightCode::s8);
  few_scales.weights.scales.pop_back();
  EXPECT_NE(error_of(few_scales).find(few_scales.name + ": scale of"), std::string::npos);
  Coded few_codes = coded(*model, WeightCode::palette5);
  few_codes.weights.codes.pop_back();
  EXPECT_NE(error_of(few_codes).find(few_codes.name), std::string::npos);
  Coded few_colours = coded(*model, WeightCode::palette4);
  few_colours.weights.palettes.pop_back();
  EXPECT_NE(error_of(few_colours).find(few_colours.name + ": palette of"), std::string::npos);
  Coded many_groups = coded(*model, WeightCode::s4);
  many_groups.weights.scales.push_back(1);
  EXPECT_NE(error_of(many_groups).find(many_groups.name + ": scale of"), std::string::npos);
  Coded no_group = coded(*model, WeightCode::s4);
  no_group.weights.group = 0;
  EXPECT_NE(error_of(no_group).find("group"), std::string::npos);
  Coded rotated = coded(*model, WeightCode::s8);
  rotated.weights.hadamard = 7;
  EXPECT_NE(error_of(rotated).find("hadamard 7"), std::string::npos);
  Coded infinite = coded(*model, WeightCode::s8);
  infinite.weights.scales[0] = INFINITY;
  EXPECT_NE(error_of(infinite).find("not finite"), std::string::npos);
}

TEST(QuantizedBundle, ScalesThatWeightsAreDividedByArePositive) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "q.safetensors";
  const auto model = open_diffusers_folder(kModel);
  ASSERT_TRUE(model);
  Coded tensor = coded(*model, WeightCode::s8);
  tensor.weights.layer = "some.layer";
  ASSERT_TRUE(write(tensor, path));
  EXPECT_TRUE(open_model(path));
  for (const float scale : {0.0f, -0.5f}) {
    ASSERT_TRUE(write(tensor, path, scale));
    const auto read = open_model(path);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message().find(tensor.name + ": input_scale " + std::to_string(scale) +
                                          ", expected a positive number"),
              std::string::npos);
  }
}

TEST(QuantizedBundle, LayersThatTensorsNameHaveScales) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "q.safetensors";
  const auto model = open_diffusers_folder(kModel);
  ASSERT_TRUE(model);
  Coded tensor = coded(*model, WeightCode::s8);
  tensor.weights.layer = "another.layer";
  ASSERT_TRUE(write(tensor, path));
  const auto read = open_model(path);
  ASSERT_FALSE(read);
  EXPECT_NE(
      read.error().message().find(tensor.name + ": layer another.layer: input_scale: missing"),
      std::string::npos)
      << read.error().message();
}

TEST(QuantizedBundle, AChangedByteIsFound) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "q.safetensors";
  const auto model = open_diffusers_folder(kModel);
  ASSERT_TRUE(model);
  ASSERT_TRUE(write(coded(*model, WeightCode::s8), path));
  const auto size = static_cast<int64_t>(fs::file_size(path));
  for (const int64_t at : {size / 3, size / 2, size - 1}) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(at);
    const char was = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(was ^ 4));
    file.close();
    const auto read = open_model(path);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message().find("hash of its contents"), std::string::npos);
    std::fstream again(path, std::ios::binary | std::ios::in | std::ios::out);
    again.seekp(at);
    again.put(was);
  }
  EXPECT_TRUE(open_model(path));
}

/// A few bytes of contents, so that each byte of the file can be tried.
TEST(QuantizedBundle, NoByteCanChangeUnnoticed) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "b.safetensors";
  const std::array<std::byte, 5> bytes = {};
  const ConstTensorView file = {bytes.data(), Shape{5}, DType::u8};
  BundleHasher hasher;
  hasher.add("files/a", file);
  ASSERT_TRUE(write_safetensors(
      path, {{"files/a", file}},
      {{kBundleKey, kQuantizedBundleVersion}, {kBundleHashKey, hasher.result()}}));
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto open = [](const std::string& changed) {
    auto parsed = SafetensorsFile::parse(std::as_bytes(std::span(changed)), "b");
    return parsed.has_value() && Bundle::parse(std::move(*parsed)).has_value();
  };
  ASSERT_TRUE(open(text));
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    EXPECT_FALSE(open(changed)) << "byte " << at << ": " << text[at];
    EXPECT_FALSE(open(text.substr(0, at))) << "cut at " << at;
  }
}

TEST(QuantizedBundle, OtherVersionsAreRefusedAndNewerOnesToldSo) {
  const auto error_of = [](const char* version) {
    const TemporaryFolder folder;
    const fs::path path = folder.path() / "b.safetensors";
    const std::byte byte{};
    EXPECT_TRUE(write_safetensors(path, {{"files/a", {&byte, Shape{1}, DType::u8}}},
                                  {{kBundleKey, version}}));
    const auto bundle = Bundle::open(path);
    EXPECT_FALSE(bundle);
    return bundle ? std::string() : bundle.error().message();
  };
  EXPECT_NE(error_of("3").find("newer edgefusion"), std::string::npos);
  EXPECT_EQ(error_of("0").find("newer"), std::string::npos);
  EXPECT_NE(error_of("x").find("expected 1 or 2, found x"), std::string::npos);
  EXPECT_NE(error_of("2").find(kBundleHashKey), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::formats
