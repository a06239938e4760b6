#include "formats/model_files.h"

#include <algorithm>
#include <utility>

#include "core/json.h"
#include "core/mapped_file.h"
#include "formats/diffusers_folder.h"
#include "formats/quantized_weights.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOurs = "edgefusion.json";

class FolderFiles : public ModelFiles {
 public:
  explicit FolderFiles(fs::path folder) : folder_(std::move(folder)) {}

  std::string place(std::string_view name) const override { return path(name).string(); }
  bool has_file(std::string_view name) const override {
    std::error_code ignored;
    return fs::is_regular_file(path(name), ignored);
  }
  bool has_folder(std::string_view name) const override {
    std::error_code ignored;
    return fs::is_directory(path(name), ignored);
  }
  Result<std::string> text(std::string_view name) const override {
    return read_text_file(path(name), JsonLimits{}.max_bytes);
  }
  Result<std::shared_ptr<const TensorSource>> weights(std::string_view folder) const override {
    return open_network_weights(path(folder));
  }

 private:
  fs::path path(std::string_view name) const { return name.empty() ? folder_ : folder_ / name; }
  fs::path folder_;
};

class BundleFiles : public ModelFiles {
 public:
  explicit BundleFiles(std::shared_ptr<const Bundle> bundle) : bundle_(std::move(bundle)) {}

  std::string place(std::string_view name) const override {
    return bundle_->origin() + ": " + std::string(name);
  }
  bool has_file(std::string_view name) const override { return bundle_->file(name).has_value(); }
  bool has_folder(std::string_view name) const override {
    const std::string prefix = std::string(name) + "/";
    return std::ranges::any_of(bundle_->file_names(),
                               [&](const std::string& file) { return file.starts_with(prefix); });
  }
  Result<std::string> text(std::string_view name) const override {
    const auto contents = bundle_->file(name);
    if (!contents) return fail(ErrorCode::not_found, place(name) + ": no such file");
    if (contents->size() > JsonLimits{}.max_bytes) {
      return fail(ErrorCode::bad_file, place(name) + ": " + std::to_string(contents->size()) +
                                           " bytes, expected at most " +
                                           std::to_string(JsonLimits{}.max_bytes));
    }
    return std::string(*contents);
  }
  Result<std::shared_ptr<const TensorSource>> weights(std::string_view folder) const override {
    const std::string role(folder);
    if (!has_file(kOurs)) return bundle_->weights(role);
    EF_TRY(const nlohmann::json ours, json_object(kOurs));
    const auto tensors = nlohmann::json::json_pointer("/quantization/networks/" + role + "/tensors");
    if (!ours.contains(tensors)) return bundle_->weights(role);
    return open_quantized_weights(bundle_, role, ours.at(tensors));
  }

 private:
  std::shared_ptr<const Bundle> bundle_;
};

}  // namespace

Result<nlohmann::json> ModelFiles::json_object(std::string_view name) const {
  EF_TRY(const std::string contents, text(name));
  EF_TRY(nlohmann::json value, parse_json(contents, place(name)));
  if (value.is_object()) return value;
  return fail(ErrorCode::bad_file,
              place(name) + ": expected a JSON object, found " + describe(value));
}

std::unique_ptr<ModelFiles> files_of_folder(const fs::path& folder) {
  return std::make_unique<FolderFiles>(folder);
}

std::unique_ptr<ModelFiles> files_of_bundle(std::shared_ptr<const Bundle> bundle) {
  return std::make_unique<BundleFiles>(std::move(bundle));
}

}  // namespace edgefusion::formats
