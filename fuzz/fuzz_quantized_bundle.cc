// links: formats core
// Any bytes as the description of a network's quantised tensors in a bundle that has codes and
// numbers for a few: refused with one line that names the tensor, or weights that can be read to
// the last code.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/quantized_tensor.h"
#include "formats/quantized_weights.h"
#include "formats/safetensors_writer.h"

namespace {

using namespace edgefusion;

constexpr int64_t kMostElements = 1 << 16;

/// A file of safetensors, in memory.
std::vector<std::byte> stored(const std::map<std::string, Tensor>& tensors) {
  nlohmann::json header = {{"__metadata__", {{formats::kBundleKey, "1"}}}};
  size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const ConstTensorView view = tensor.view();
    const char* type = view.dtype == DType::f32 ? "F32" : view.dtype == DType::i8 ? "I8" : "U8";
    header[name] = {{"dtype", type},
                    {"shape", view.shape.extents()},
                    {"data_offsets", {offset, offset + view.bytes()}}};
    offset += view.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 63) / 64 * 64 - 8, ' ');
  std::vector<std::byte> bytes(8 + text.size() + offset);
  const uint64_t length = text.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, text.data(), text.size());
  std::byte* end = bytes.data() + 8 + text.size();
  for (const auto& [name, tensor] : tensors) {
    end = std::copy_n(tensor.view().data, tensor.view().bytes(), end);
  }
  return bytes;
}

Tensor ones(int64_t count) {
  return Tensor::from_f32(Shape{count}, std::vector<float>(static_cast<size_t>(count), 1.0f));
}

/// Tensors [6,32] of each kind, with their numbers.
std::vector<std::byte> bundle_bytes() {
  std::map<std::string, Tensor> tensors;
  tensors.emplace("unet/s8", Tensor(Shape{6, 32}, DType::i8));
  tensors.emplace("quantized/unet/s8.scale", ones(6));
  tensors.emplace("unet/s4", Tensor(Shape{6 * 16}, DType::u8));
  tensors.emplace("quantized/unet/s4.scale", ones(6 * 2));
  tensors.emplace("unet/p5", Tensor(Shape{6 * 20}, DType::u8));
  tensors.emplace("quantized/unet/p5.palette", ones(2 * 32));
  tensors.emplace("quantized/unet/layer.input_scale", ones(32));
  for (auto& entry : tensors) {
    if (entry.second.dtype() == DType::f32) continue;
    uint8_t code = 0;
    for (uint8_t& byte : entry.second.values<uint8_t>())
      byte = code = static_cast<uint8_t>(code + 77);
  }
  return stored(tensors);
}

std::shared_ptr<const formats::Bundle> open_bundle() {
  static const std::vector<std::byte> bytes = bundle_bytes();
  auto file = formats::SafetensorsFile::parse(bytes, "fuzz");
  EF_CHECK(file.has_value(), file.error().message());
  auto bundle = formats::Bundle::parse(std::move(*file));
  EF_CHECK(bundle.has_value(), bundle.error().message());
  return *bundle;
}

void check_line(const std::string& message) {
  EF_CHECK(message.find('\n') == std::string::npos, "message of several lines");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::shared_ptr<const formats::Bundle> bundle = open_bundle();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = parse_json(text, "fuzz");
  if (!json) return 0;
  const auto weights = formats::open_quantized_weights(bundle, "unet", *json);
  if (!weights) {
    check_line(weights.error().message());
    return 0;
  }
  for (const auto& [name, description] : json->items()) {
    const QuantizedTensor* tensor = (*weights)->quantized(name);
    EF_CHECK(tensor != nullptr, "a tensor is missing");
    EF_CHECK((*weights)->find(name)->shape == tensor->shape, "two shapes of one tensor");
    EF_CHECK(tensor->shape.elements() <= kMostElements, "more weights than there are codes");
    const Tensor floats = dequantized(*tensor);
    for (const float value : floats.values<float>()) {
      EF_CHECK(std::isfinite(value), "codes and scales that are finite give numbers that are");
    }
  }
  return 0;
}
