#include "formats/quantized_bundle.h"

#include <array>
#include <functional>
#include <memory>

#include "formats/bundle.h"
#include "formats/convert.h"
#include "formats/quantized_weights.h"
#include "formats/safetensors_writer.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

constexpr size_t kAlignment = 64;
constexpr std::array<const char*, 3> kRoles = {"text_encoder", "unet", "vae"};

ConstTensorView view_of(std::span<const std::byte> bytes) {
  return {bytes.data(), Shape{static_cast<int64_t>(bytes.size())}, DType::u8};
}

ConstTensorView view_of(const std::vector<float>& numbers) {
  return {reinterpret_cast<const std::byte*>(numbers.data()),
          Shape{static_cast<int64_t>(numbers.size())}, DType::f32};
}

/// Of 8 bits in the shape of the weights; fewer bits have none that says anything.
ConstTensorView view_of(const QuantizedWeights& weights) {
  if (weights.code != WeightCode::s8) return view_of(std::span(weights.codes));
  return {weights.codes.data(), weights.shape, DType::i8};
}

/// What the tensors of a role become, by their names in the bundle.
class Parts {
 public:
  void add(std::string name, const ConstTensorView& view) { views_.emplace(std::move(name), view); }

  void add_network(const std::string& role, const TensorSource& weights,
                   const QuantizedContents& contents) {
    const auto codes = contents.tensors.find(role);
    const auto replaced = contents.replaced.find(role);
    for (const std::string& name : weights.names()) {
      const std::string place = role + "/" + name;
      if (codes != contents.tensors.end()) {
        const auto found = codes->second.find(name);
        if (found != codes->second.end()) {
          add_codes(place, found->second);
          continue;
        }
      }
      const bool is_new = replaced != contents.replaced.end() && replaced->second.contains(name);
      add(place, is_new ? ConstTensorView(replaced->second.at(name).view()) : *weights.find(name));
    }
  }

  Status write(const fs::path& path) const {
    BundleHasher hasher;
    for (const auto& [name, view] : views_) hasher.add(name, view);
    return write_safetensors(
        path, records(), metadata(hasher.result()),
        [&](const TensorRecord& record) -> Result<ConstTensorView> {
          return views_.at(record.name);
        },
        kAlignment);
  }

  Result<int64_t> bytes() const {
    // Any hash is as long as another.
    return safetensors_bytes(records(), metadata(BundleHasher().result()), kAlignment);
  }

 private:
  std::vector<TensorRecord> records() const {
    std::vector<TensorRecord> records;
    for (const auto& [name, view] : views_) records.push_back({name, view.dtype, view.shape});
    return records;
  }

  static std::map<std::string, std::string> metadata(std::string hash) {
    return {{kBundleKey, kQuantizedBundleVersion}, {kBundleHashKey, std::move(hash)}};
  }

  void add_codes(const std::string& place, const QuantizedWeights& weights) {
    const std::string numbers = std::string(kBundleQuantized) + place;
    add(place, view_of(weights));
    if (!weights.scales.empty()) add(numbers + ".scale", view_of(weights.scales));
    if (!weights.palettes.empty()) add(numbers + ".palette", view_of(weights.palettes));
  }

  std::map<std::string, ConstTensorView> views_;
};

nlohmann::json description_of(const QuantizedWeights& weights) {
  nlohmann::json json = {{"code", to_string(weights.code)}};
  for (const int64_t extent : weights.shape.extents()) json["shape"].push_back(extent);
  if (weights.group != 0) json["group"] = weights.group;
  if (weights.rows_per_palette != 0) json["rows_per_palette"] = weights.rows_per_palette;
  if (weights.hadamard > 1) json["hadamard"] = weights.hadamard;
  if (!weights.layer.empty()) json["layer"] = weights.layer;
  return json;
}

std::string edgefusion_json(const ModelFolder& model, const QuantizedContents& contents) {
  nlohmann::json json = model.edgefusion.is_null() ? nlohmann::json::object() : model.edgefusion;
  nlohmann::json quantization = contents.description;
  for (const auto& [role, tensors] : contents.tensors) {
    for (const auto& [name, weights] : tensors) {
      quantization["networks"][role]["tensors"][name] = description_of(weights);
    }
  }
  json["quantization"] = std::move(quantization);
  return json.dump(1);
}

/// Calls use(parts) while what they refer to is there.
template <typename Use>
auto with_parts(const ModelFolder& model, const QuantizedContents& contents, const Use& use)
    -> decltype(use(Parts())) {
  EF_TRY(auto texts, model_texts(model));
  texts["edgefusion.json"] = edgefusion_json(model, contents);
  Parts parts;
  for (const char* role : kRoles) {
    parts.add_network(role, *model.network(role)->weights, contents);
  }
  for (const auto& [name, numbers] : contents.numbers) {
    parts.add(std::string(kBundleQuantized) + name, view_of(numbers));
  }
  for (const auto& [name, text] : texts) {
    parts.add(std::string(kBundleFiles) + name, view_of(std::as_bytes(std::span(text))));
  }
  return use(parts);
}

}  // namespace

QuantizedTensor QuantizedWeights::view(std::vector<float> input_scale) const {
  return {.code = code,
          .shape = shape,
          .codes = codes.data(),
          .code_bytes = codes.size(),
          .scales = scales.empty() ? nullptr : scales.data(),
          .palettes = palettes.empty() ? nullptr : palettes.data(),
          .group = group,
          .rows_per_palette = rows_per_palette,
          .input_scale = std::move(input_scale),
          .hadamard = hadamard};
}

Status write_quantized_bundle(const ModelFolder& model, const QuantizedContents& contents,
                              const fs::path& path) {
  return with_parts(model, contents, [&](const Parts& parts) { return parts.write(path); });
}

Result<int64_t> quantized_bundle_bytes(const ModelFolder& model,
                                       const QuantizedContents& contents) {
  return with_parts(model, contents, [](const Parts& parts) { return parts.bytes(); });
}

}  // namespace edgefusion::formats
