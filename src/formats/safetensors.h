#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapped_file.h"
#include "core/result.h"
#include "core/tensor.h"

namespace edgefusion::formats {

/// The tensors of one safetensors file, in place: views point into the mapped file and may be
/// unaligned. Nothing is copied or converted.
class SafetensorsFile : public TensorSource {
 public:
  /// Maps the file and checks the whole contract of the format, before any tensor is handed out.
  /// Errors: not_found, io; bad_file and unsupported as parse_safetensors_header says.
  static Result<SafetensorsFile> open(const std::filesystem::path& path);
  /// The same on bytes that somebody keeps alive as long as this object. `origin` leads messages.
  static Result<SafetensorsFile> parse(std::span<const std::byte> bytes, const std::string& origin);

  const ConstTensorView* find(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string origin() const override { return origin_; }
  std::vector<std::string> files() const override;
  void release(std::string_view name) const override;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// The mapping behind an opened file; null after parse().
  const std::shared_ptr<const MappedFile>& mapping() const { return file_; }

 private:
  SafetensorsFile() = default;

  std::shared_ptr<const MappedFile> file_;
  std::string origin_;
  std::map<std::string, ConstTensorView, std::less<>> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace edgefusion::formats
