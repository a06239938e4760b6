#include "formats/bundle.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/json.h"

namespace edgefusion::formats {
namespace {

constexpr size_t kRegionAlignment = 64;  // what kernels read packed weights with

/// The tensors of a bundle whose names begin with a role.
class BundleWeights : public TensorSource {
 public:
  BundleWeights(std::shared_ptr<const SafetensorsFile> file, std::string prefix)
      : file_(std::move(file)), prefix_(std::move(prefix)) {}

  const ConstTensorView* find(std::string_view name) const override {
    return file_->find(prefix_ + std::string(name));
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const std::string& name : file_->names()) {
      if (name.starts_with(prefix_)) names.push_back(name.substr(prefix_.size()));
    }
    return names;
  }
  std::string origin() const override { return file_->origin() + ": " + prefix_; }
  std::vector<std::string> files() const override { return file_->files(); }
  void release(std::string_view name) const override {
    file_->release(prefix_ + std::string(name));
  }

 private:
  std::shared_ptr<const SafetensorsFile> file_;
  std::string prefix_;
};

/// U8 of one axis: how a bundle keeps what is no weight.
bool is_bytes(const ConstTensorView& tensor) {
  return tensor.dtype == DType::u8 && tensor.shape.rank() == 1;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 9 && std::ranges::all_of(text, [](char letter) {
    return letter >= '0' && letter <= '9';
  });
}

Status check_version(const std::string& version, const std::string& origin) {
  if (version == kBundleVersion || version == kQuantizedBundleVersion) return {};
  const bool is_newer = is_number(version) && std::stol(version) > 2;
  return fail(ErrorCode::unsupported,
              origin + ": " + kBundleKey + ": expected 1 or 2, found " + printable(version) +
                  (is_newer ? " (made by a newer edgefusion: this one cannot read it)" : ""));
}

/// Errors: contents that were cut or changed after the bundle was written.
Status check_hash(const SafetensorsFile& file, bool must_be_there) {
  const auto expected = file.metadata().find(kBundleHashKey);
  if (expected == file.metadata().end()) {
    if (!must_be_there) return {};
    return fail(ErrorCode::bad_file, file.origin() + ": metadata: expected " + kBundleHashKey +
                                         ", found none");
  }
  BundleHasher hasher;
  for (const std::string& name : file.names()) {
    hasher.add(name, *file.find(name));
    file.release(name);
  }
  const std::string found = hasher.result();
  if (found == expected->second) return {};
  return fail(ErrorCode::bad_file, file.origin() + ": hash of its contents: expected " +
                                       printable(expected->second) + ", found " + found +
                                       " (the file was changed or damaged)");
}

}  // namespace

void BundleHasher::add(std::string_view name, const ConstTensorView& tensor) {
  hasher_.add_text(name);
  hasher_.add_text(to_string(tensor.dtype));
  hasher_.add_text(tensor.shape.to_string());
  hasher_.add({tensor.data, tensor.bytes()});
}

bool is_plain_path(std::string_view name) {
  const bool printable = std::ranges::all_of(name, [](char letter) {
    return static_cast<unsigned char>(letter) >= 0x20 && letter != '\\' && letter != 0x7f;
  });
  if (!printable || name.empty()) return false;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

Result<std::shared_ptr<const Bundle>> Bundle::open(const std::filesystem::path& path) {
  EF_TRY(SafetensorsFile file, SafetensorsFile::open(path));
  return parse(std::move(file));
}

Result<std::shared_ptr<const Bundle>> Bundle::parse(SafetensorsFile file) {
  const std::string origin = file.origin();
  const auto version = file.metadata().find(kBundleKey);
  if (version == file.metadata().end()) {
    return fail(ErrorCode::unsupported,
                origin + ": metadata: expected " + kBundleKey +
                    ", found none (a model is a diffusers folder or a bundle made by convert)");
  }
  EF_TRY_STATUS(check_version(version->second, origin));
  EF_TRY_STATUS(check_hash(file, version->second == kQuantizedBundleVersion));
  for (const std::string& name : file.names()) {
    if (!name.starts_with(kBundleFiles)) continue;
    if (!is_plain_path(std::string_view(name).substr(kBundleFiles.size()))) {
      return fail(ErrorCode::bad_file,
                  origin + ": " + printable(name) + ": expected a path inside of the model");
    }
    if (!is_bytes(*file.find(name))) {
      return fail(ErrorCode::bad_file, origin + ": " + printable(name) + ": expected u8 [bytes]");
    }
  }
  auto bundle = std::shared_ptr<Bundle>(new Bundle());
  bundle->file_ = std::make_shared<const SafetensorsFile>(std::move(file));
  return std::shared_ptr<const Bundle>(std::move(bundle));
}

std::optional<std::string_view> Bundle::file(std::string_view name) const {
  const ConstTensorView* tensor = file_->find(std::string(kBundleFiles) + std::string(name));
  if (tensor == nullptr) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(tensor->data), tensor->bytes());
}

std::vector<std::string> Bundle::file_names() const {
  std::vector<std::string> names;
  for (const std::string& name : file_->names()) {
    if (name.starts_with(kBundleFiles)) names.push_back(name.substr(kBundleFiles.size()));
  }
  return names;
}

std::shared_ptr<const TensorSource> Bundle::weights(const std::string& role) const {
  return std::make_shared<const BundleWeights>(file_, role + "/");
}

std::optional<MappedPart> Bundle::packed(const std::string& name, size_t bytes) const {
  const ConstTensorView* tensor = file_->find(std::string(kBundlePacked) + name);
  if (tensor == nullptr || !is_bytes(*tensor) || tensor->bytes() != bytes) return std::nullopt;
  const auto& mapping = file_->mapping();
  if (mapping == nullptr) return std::nullopt;
  // A file written by another program may place it anywhere.
  if (reinterpret_cast<uintptr_t>(tensor->data) % kRegionAlignment != 0) return std::nullopt;
  return MappedPart{mapping, static_cast<size_t>(tensor->data - mapping->bytes().data()), bytes};
}

}  // namespace edgefusion::formats
