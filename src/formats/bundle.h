#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/content_hash.h"
#include "core/mapped_file.h"
#include "core/result.h"
#include "core/tensor.h"
#include "formats/safetensors.h"

namespace edgefusion::formats {

/// The key of a bundle's metadata, and its value: the version of docs/bundle.md.
inline constexpr const char* kBundleKey = "edgefusion_bundle";
inline constexpr const char* kBundleVersion = "1";
/// The same for bundles with quantised weights, which have a content hash too.
inline constexpr const char* kQuantizedBundleVersion = "2";
inline constexpr const char* kBundleHashKey = "edgefusion_hash";
/// What names of a bundle's tensors begin with.
inline constexpr std::string_view kBundleFiles = "files/", kBundlePacked = "packed/";

/// Bytes inside of a mapped file.
struct MappedPart {
  std::shared_ptr<const MappedFile> file;
  size_t offset = 0, bytes = 0;
};

/// A whole model in one safetensors file (docs/bundle.md): weights of all networks, the configs and
/// tokenizer files of the diffusers folder it was made from, and perhaps packed weights.
class Bundle {
 public:
  /// Errors: as SafetensorsFile::open; bad_file and unsupported for safetensors that are no bundle,
  /// for another version, for contents that have not the hash they should have, and for names that
  /// would leave the model's folder.
  static Result<std::shared_ptr<const Bundle>> open(const std::filesystem::path& path);
  static Result<std::shared_ptr<const Bundle>> parse(SafetensorsFile file);

  /// Contents of "unet/config.json" and the like, or nothing.
  std::optional<std::string_view> file(std::string_view name) const;
  std::vector<std::string> file_names() const;
  /// The tensors of a network, under the names they have in its own file. Keeps the bundle open.
  std::shared_ptr<const TensorSource> weights(const std::string& role) const;
  /// Any tensor of the file by its full name, or nullptr.
  const ConstTensorView* tensor(std::string_view name) const { return file_->find(name); }
  /// A region of packed weights, if there is one of that name and size, fit to be mapped.
  std::optional<MappedPart> packed(const std::string& name, size_t bytes) const;

  std::string origin() const { return file_->origin(); }

 private:
  Bundle() = default;
  std::shared_ptr<const SafetensorsFile> file_;
};

/// The hash a bundle has under kBundleHashKey: over name, type, shape and bytes of all tensors, in
/// the order of their names.
class BundleHasher {
 public:
  void add(std::string_view name, const ConstTensorView& tensor);
  std::string result() const { return hasher_.result().to_hex(); }

 private:
  ContentHasher hasher_;
};

/// A relative path of plain components: it names nothing outside of the folder it is put into.
bool is_plain_path(std::string_view name);

}  // namespace edgefusion::formats
