#include "formats/convert.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/atomic_file.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "core/quantized_tensor.h"
#include "formats/quantized_weights.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostTextBytes = size_t{64} << 20;    // as of tokenizer files
constexpr size_t kRegionAlignment = 64;                // of packed regions in a mapped file
constexpr const char* kQuantization = "quantization";  // of edgefusion.json
constexpr std::array<const char*, 3> kRoles = {"text_encoder", "unet", "vae"};

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f64;
}

/// Licences and notes go where the model goes.
bool is_note(const std::string& name) {
  return name.starts_with("LICENSE") || name.starts_with("NOTICE") ||
         name.starts_with("ATTRIBUTION") || name == "README.md";
}

Status add_text(const fs::path& root, const std::string& name,
                std::map<std::string, std::string>& texts) {
  EF_TRY(texts[name], read_text_file(root / name, kMostTextBytes));
  return {};
}

/// Regular files of a folder that `wanted` names.
template <typename Wanted>
Status add_folder(const fs::path& root, const std::string& folder, const Wanted& wanted,
                  std::map<std::string, std::string>& texts) {
  std::error_code error;
  for (fs::directory_iterator it(root / folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    if (!it->is_regular_file(ignored) || !wanted(name)) continue;
    EF_TRY_STATUS(add_text(root, folder.empty() ? name : folder + "/" + name, texts));
  }
  return {};
}

/// Tensors as another floating-point type, one at a time.
class Converter {
 public:
  explicit Converter(std::optional<DType> type) : type_(type) {}

  DType type_of(DType stored) const { return type_ && is_float(stored) ? *type_ : stored; }

  /// Valid until the next call.
  Result<ConstTensorView> convert(const ConstTensorView& tensor, const std::string& place) {
    const DType type = type_of(tensor.dtype);
    if (type == tensor.dtype) return tensor;
    Tensor values(tensor.shape, DType::f32);
    convert_to_f32(tensor, values.values<float>().data());
    if (type == DType::f32) {
      converted_ = std::move(values);
      return ConstTensorView(converted_.view());
    }
    converted_ = Tensor(tensor.shape, type);
    const auto from = values.values<float>();
    const auto to = converted_.values<uint16_t>();
    for (size_t i = 0; i < from.size(); ++i) {
      to[i] = type == DType::f16 ? f32_to_f16(from[i]) : f32_to_bf16(from[i]);
      if (std::isfinite(from[i]) &&
          !std::isfinite(load_as_f32(converted_.view(), static_cast<int64_t>(i)))) {
        return fail(ErrorCode::bad_file, place + ": " + std::to_string(from[i]) + " does not fit " +
                                             std::string(to_string(type)));
      }
    }
    return ConstTensorView(converted_.view());
  }

 private:
  std::optional<DType> type_;
  Tensor converted_;
};

ConstTensorView bytes_view(std::string_view bytes) {
  return {reinterpret_cast<const std::byte*>(bytes.data()),
          Shape{static_cast<int64_t>(bytes.size())}, DType::u8};
}

bool is_quantized(const ModelFolder& model) {
  return model.edgefusion.is_object() && model.edgefusion.contains(kQuantization);
}

/// What a bundle is made of: where each tensor comes from and how it is written.
class BundleParts {
 public:
  explicit BundleParts(std::optional<DType> type) : converter_(type) {}

  void add_weights(const std::string& prefix, std::shared_ptr<const TensorSource> weights) {
    for (const std::string& name : weights->names()) {
      const DType type = converter_.type_of(weights->find(name)->dtype);
      add(prefix + name, {weights.get(), name, type, {}});
    }
    sources_.push_back(std::move(weights));
  }
  /// Numbers that stay as they are, whatever type weights become.
  void add_numbers(const std::string& prefix, std::shared_ptr<const TensorSource> numbers) {
    for (const std::string& name : numbers->names()) {
      add(prefix + name, {nullptr, "", numbers->find(name)->dtype, *numbers->find(name)});
    }
    sources_.push_back(std::move(numbers));
  }
  void add_bytes(const std::string& name, const ConstTensorView& view) {
    add(name, {nullptr, "", DType::u8, view});
  }

  /// The padding before packed regions, which the writer puts behind everything whose name or type
  /// comes first ("packed.align" among it).
  void align_packed() {
    size_t bytes = 0;
    for (const auto& [name, part] : parts_) {
      if (is_before_packed(name, part.type)) bytes += bytes_of(part);
    }
    padding_.assign((kRegionAlignment - bytes % kRegionAlignment) % kRegionAlignment, 0);
    if (!padding_.empty()) add_bytes("packed.align", bytes_view(padding_));
  }

  std::vector<TensorRecord> records() const {
    std::vector<TensorRecord> records;
    for (const auto& [name, part] : parts_) records.push_back({name, part.type, shape_of(part)});
    return records;
  }

  /// Valid until the next call.
  Result<ConstTensorView> produce(const std::string& name) {
    if (before_ != nullptr) before_->source->release(before_->name);
    before_ = nullptr;
    const Part& part = parts_.at(name);
    if (part.source == nullptr) return part.view;
    before_ = &part;
    return converter_.convert(*part.source->find(part.name),
                              part.source->origin() + ": " + part.name);
  }

  /// Of what the file will hold.
  Result<std::string> hash() {
    BundleHasher hasher;
    for (const auto& entry : parts_) {
      EF_TRY(const ConstTensorView view, produce(entry.first));
      hasher.add(entry.first, view);
    }
    return hasher.result();
  }

 private:
  struct Part {
    const TensorSource* source;  ///< or nullptr: `view` itself
    std::string name;            ///< in the source
    DType type;                  ///< as written
    ConstTensorView view;
  };

  void add(std::string name, Part part) { parts_.emplace(std::move(name), std::move(part)); }

  static Shape shape_of(const Part& part) {
    return part.source == nullptr ? part.view.shape : part.source->find(part.name)->shape;
  }
  static size_t bytes_of(const Part& part) {
    return static_cast<size_t>(shape_of(part).elements()) * size_of(part.type);
  }
  /// Larger types come first, then i8, u8 and boolean, each by name.
  static bool is_before_packed(const std::string& name, DType type) {
    return type == DType::u8 ? name < kBundlePacked : type != DType::boolean;
  }

  Converter converter_;
  std::map<std::string, Part> parts_;  ///< by names in the bundle
  std::vector<std::shared_ptr<const TensorSource>> sources_;
  std::string padding_;
  const Part* before_ = nullptr;  ///< of the last produce()
};

Status require_pipeline(const ModelFolder& model) {
  if (!model.pipeline_class.empty()) return {};
  return fail(ErrorCode::unsupported,
              model.path.string() + ": a single network; expected a pipeline (model_index.json)");
}

/// Weights of one network in a file of their own.
Status write_network(const TensorSource& weights, std::optional<DType> type, const fs::path& path) {
  Converter converter(type);
  std::vector<TensorRecord> records;
  for (const std::string& name : weights.names()) {
    const ConstTensorView* tensor = weights.find(name);
    records.push_back({name, converter.type_of(tensor->dtype), tensor->shape});
  }
  std::string before;
  Tensor floats;
  return write_safetensors(path, std::move(records), {{"format", "pt"}},
                           [&](const TensorRecord& record) -> Result<ConstTensorView> {
                             if (!before.empty()) weights.release(before);
                             before = record.name;
                             if (const auto* codes = weights.quantized(record.name)) {
                               floats = dequantized(*codes);
                               return converter.convert(floats.view(), weights.origin());
                             }
                             return converter.convert(*weights.find(record.name),
                                                      weights.origin() + ": " + record.name);
                           });
}

Status write_folder_files(const ModelFolder& model, std::optional<DType> type,
                          const fs::path& folder) {
  EF_TRY(auto texts, model_texts(model));
  if (is_quantized(model)) {  // its floats are all the folder has of it
    nlohmann::json ours = model.edgefusion;
    ours.erase(kQuantization);
    texts["edgefusion.json"] = ours.dump(1);
  }
  std::error_code error;
  for (const auto& [name, text] : texts) {
    fs::create_directories((folder / name).parent_path(), error);
    EF_TRY_STATUS(write_file_atomically(folder / name, std::as_bytes(std::span(text))));
  }
  for (const char* role : kRoles) {
    const bool is_text = std::string_view(role) == "text_encoder";
    const char* file = is_text ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
    fs::create_directories(folder / role, error);
    EF_TRY_STATUS(write_network(*model.network(role)->weights, type, folder / role / file));
  }
  return {};
}

}  // namespace

Result<std::map<std::string, std::string>> model_texts(const ModelFolder& model) {
  std::map<std::string, std::string> texts;
  if (model.bundle != nullptr) {
    for (const std::string& name : model.bundle->file_names()) {
      texts[name] = *model.bundle->file(name);
    }
    return texts;
  }
  const fs::path& root = model.path;
  EF_TRY_STATUS(add_text(root, "model_index.json", texts));
  EF_TRY_STATUS(add_text(root, "scheduler/scheduler_config.json", texts));
  if (!model.edgefusion.is_null()) EF_TRY_STATUS(add_text(root, "edgefusion.json", texts));
  EF_TRY_STATUS(add_folder(root, "", is_note, texts));
  EF_TRY_STATUS(add_folder(
      root, "LICENSES", [](const std::string& name) { return is_plain_path(name); }, texts));
  for (const std::string role : kRoles) {
    EF_TRY_STATUS(add_text(root, role + "/config.json", texts));
    EF_TRY_STATUS(add_folder(root, role, is_note, texts));
  }
  EF_TRY_STATUS(add_folder(
      root, "tokenizer", [](const std::string& name) { return is_plain_path(name); }, texts));
  return texts;
}

Status write_bundle(const ModelFolder& model, std::optional<DType> type,
                    const std::vector<NamedTensor>& packed, const fs::path& path) {
  EF_TRY_STATUS(require_pipeline(model));
  EF_TRY(const auto texts, model_texts(model));
  BundleParts parts(type);
  for (const std::string role : kRoles) {
    // Codes as they are stored, not what they stand for.
    parts.add_weights(role + "/", is_quantized(model) ? model.bundle->weights(role)
                                                      : model.network(role)->weights);
  }
  if (is_quantized(model)) {
    std::string folder(kBundleQuantized);
    folder.pop_back();
    parts.add_numbers(std::string(kBundleQuantized), model.bundle->weights(folder));
  }
  for (const auto& [name, text] : texts) {
    parts.add_bytes(std::string(kBundleFiles) + name, bytes_view(text));
  }
  for (const NamedTensor& region : packed) {
    parts.add_bytes(std::string(kBundlePacked) + region.name, region.tensor);
  }
  if (!packed.empty()) parts.align_packed();
  std::map<std::string, std::string> metadata = {{kBundleKey, kBundleVersion}};
  if (is_quantized(model)) {
    EF_TRY(const std::string hash, parts.hash());
    metadata = {{kBundleKey, kQuantizedBundleVersion}, {kBundleHashKey, hash}};
  }
  return write_safetensors(
      path, parts.records(), metadata,
      [&](const TensorRecord& record) { return parts.produce(record.name); }, kRegionAlignment);
}

Status write_diffusers_folder(const ModelFolder& model, std::optional<DType> type,
                              const fs::path& path) {
  EF_TRY_STATUS(require_pipeline(model));
  std::error_code error;
  if (fs::exists(path, error)) {
    return fail(ErrorCode::io, path.string() + ": exists already, expected a new folder's name");
  }
  const fs::path temporary = path.string() + ".tmp" + std::to_string(::getpid());
  if (!fs::create_directory(temporary, error)) {
    return fail(ErrorCode::io,
                temporary.string() + ": cannot make this folder: " + error.message());
  }
  Status written = write_folder_files(model, type, temporary);
  if (written) {
    fs::rename(temporary, path, error);
    if (error) written = fail(ErrorCode::io, path.string() + ": " + error.message());
  }
  if (!written) fs::remove_all(temporary, error);
  return written;
}

}  // namespace edgefusion::formats
