#include "formats/safetensors.h"

#include <cstring>
#include <utility>

#include "formats/safetensors_header.h"

namespace edgefusion::formats {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMostHeaderBytes = 100'000'000;  // the limit of the reference reader

uint64_t little_endian_u64(const std::byte* bytes) {
  uint64_t value = 0;
  for (int i = kLengthBytes - 1; i >= 0; --i) value = value << 8 | static_cast<uint64_t>(bytes[i]);
  return value;
}

Result<std::string_view> header_text(std::span<const std::byte> bytes, const std::string& origin) {
  if (bytes.size() < kLengthBytes) {
    return fail(ErrorCode::bad_file, origin + ": expected a header length of 8 bytes, found " +
                                         std::to_string(bytes.size()) + " bytes in all");
  }
  const uint64_t length = little_endian_u64(bytes.data());
  if (length > kMostHeaderBytes) {
    return fail(ErrorCode::bad_file, origin + ": expected a header of at most " +
                                         std::to_string(kMostHeaderBytes) + " bytes, found " +
                                         std::to_string(length) + " (is it a safetensors file?)");
  }
  if (length > bytes.size() - kLengthBytes) {
    return fail(ErrorCode::bad_file, origin + ": expected a header of " + std::to_string(length) +
                                         " bytes, found " +
                                         std::to_string(bytes.size() - kLengthBytes) +
                                         " bytes (is the file cut short?)");
  }
  const auto header = bytes.subspan(kLengthBytes, length);
  return std::string_view(reinterpret_cast<const char*>(header.data()), header.size());
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  EF_TRY(MappedFile mapped, MappedFile::open(path));
  EF_TRY(SafetensorsFile file, parse(mapped.bytes(), path.string()));
  // A mapping keeps its address when its owner moves.
  file.file_ = std::make_shared<const MappedFile>(std::move(mapped));
  return file;
}

Result<SafetensorsFile> SafetensorsFile::parse(std::span<const std::byte> bytes,
                                               const std::string& origin) {
  EF_TRY(const std::string_view text, header_text(bytes, origin));
  const auto data = bytes.subspan(kLengthBytes + text.size());
  EF_TRY(SafetensorsHeader header, parse_safetensors_header(text, origin, data.size()));
  SafetensorsFile file;
  file.origin_ = origin;
  file.metadata_ = std::move(header.metadata);
  for (SafetensorsEntry& entry : header.tensors) {
    const ConstTensorView view{data.data() + entry.begin, entry.shape, entry.dtype};
    file.tensors_.emplace(std::move(entry.name), view);
  }
  return file;
}

const ConstTensorView* SafetensorsFile::find(std::string_view name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const auto& [name, view] : tensors_) names.push_back(name);
  return names;
}

std::vector<std::string> SafetensorsFile::files() const {
  if (!file_) return {};
  return {origin_};
}

void SafetensorsFile::release(std::string_view name) const {
  const ConstTensorView* view = find(name);
  if (view == nullptr || !file_) return;
  file_->drop_pages(static_cast<size_t>(view->data - file_->bytes().data()), view->bytes());
}

}  // namespace edgefusion::formats
