#include "formats/packed_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace edgefusion::formats {
namespace {

constexpr std::string_view kMagic = "EFPACKED";
constexpr uint32_t kVersion = 1;
constexpr size_t kSumBytes = sizeof(uint64_t);
enum Offset : size_t {
  version_at = 8,
  header_bytes_at = 12,
  key_at = 16,
  content_at = 32,
  block_at = 40,
  sum_at = 48
};

template <typename T>
T get(const std::byte* from) {
  T value = 0;
  for (size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(value << 8 | static_cast<T>(from[i]));
  return value;
}

template <typename T>
void put(T value, std::byte* to) {
  for (size_t i = 0; i < sizeof(T); ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
}

/// "origin: what: expected 1, found 2"
tl::unexpected<Error> unexpected_number(const std::string& origin, std::string_view what,
                                        uint64_t expected, uint64_t found) {
  return fail(ErrorCode::bad_file, origin + ": " + std::string(what) + ": expected " +
                                       std::to_string(expected) + ", found " +
                                       std::to_string(found));
}

using Header = std::array<std::byte, PackedFile::kHeaderBytes>;

Header make_header(const Hash128& key, uint64_t content_bytes) {
  Header header{};
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  put<uint32_t>(kVersion, &header[version_at]);
  put<uint32_t>(PackedFile::kHeaderBytes, &header[header_bytes_at]);
  put<uint64_t>(key.high, &header[key_at]);
  put<uint64_t>(key.low, &header[key_at + 8]);
  put<uint64_t>(content_bytes, &header[content_at]);
  put<uint64_t>(PackedFile::kBlockBytes, &header[block_at]);
  put<uint64_t>(hash64(std::span(header).first(sum_at)), &header[sum_at]);
  return header;
}

Status check_header(std::span<const std::byte> bytes, const std::string& origin) {
  if (bytes.size() < PackedFile::kHeaderBytes) {
    return fail(ErrorCode::bad_file,
                origin + ": expected a header of " + std::to_string(PackedFile::kHeaderBytes) +
                    " bytes, found " + std::to_string(bytes.size()) + " bytes in all");
  }
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return fail(ErrorCode::bad_file, origin + ": not a file of packed weights");
  }
  const auto version = get<uint32_t>(&bytes[version_at]);
  if (version != kVersion) return unexpected_number(origin, "version", kVersion, version);
  const auto sum = get<uint64_t>(&bytes[sum_at]);
  const uint64_t found = hash64(bytes.first(sum_at));
  if (sum != found) return unexpected_number(origin, "checksum of the header", sum, found);
  const auto header_bytes = get<uint32_t>(&bytes[header_bytes_at]);
  if (header_bytes != PackedFile::kHeaderBytes) {
    return unexpected_number(origin, "header bytes", PackedFile::kHeaderBytes, header_bytes);
  }
  const auto block = get<uint64_t>(&bytes[block_at]);
  if (block != PackedFile::kBlockBytes) {
    return unexpected_number(origin, "block bytes", PackedFile::kBlockBytes, block);
  }
  return {};
}

}  // namespace

Result<PackedFile> PackedFile::open(const std::filesystem::path& path) {
  EF_TRY(MappedFile mapped, MappedFile::open(path));
  auto shared = std::make_shared<const MappedFile>(std::move(mapped));
  EF_TRY(PackedFile file, parse(shared->bytes(), path.string()));
  file.file_ = std::move(shared);
  return file;
}

Result<PackedFile> PackedFile::parse(std::span<const std::byte> bytes, const std::string& origin) {
  EF_TRY_STATUS(check_header(bytes, origin));
  const uint64_t rest = bytes.size() - kHeaderBytes;
  const auto content = get<uint64_t>(&bytes[content_at]);
  if (content > rest) {
    return unexpected_number(origin, "bytes of content (is the file cut short?)", content, rest);
  }
  const uint64_t blocks = content / kBlockBytes + (content % kBlockBytes != 0 ? 1 : 0);
  const uint64_t sums = (blocks + 1) * kSumBytes;
  if (rest - content != sums) {
    return unexpected_number(origin, "bytes of checksums", sums, rest - content);
  }
  PackedFile file;
  file.origin_ = origin;
  file.key_ = {get<uint64_t>(&bytes[key_at]), get<uint64_t>(&bytes[key_at + 8])};
  file.content_ = bytes.subspan(kHeaderBytes, content);
  file.sums_ = bytes.subspan(kHeaderBytes + content, blocks * kSumBytes);
  const auto sum = get<uint64_t>(bytes.last(kSumBytes).data());
  const uint64_t found = hash64(file.sums_);
  if (sum != found) return unexpected_number(origin, "checksum of the checksums", sum, found);
  return file;
}

std::span<const std::byte> PackedFile::block(int64_t index) const {
  const size_t begin = static_cast<size_t>(index) * kBlockBytes;
  return content_.subspan(begin, std::min(kBlockBytes, content_.size() - begin));
}

bool PackedFile::is_intact(int64_t index) const {
  return hash64(block(index)) ==
         get<uint64_t>(sums_.subspan(static_cast<size_t>(index) * kSumBytes).data());
}

Error PackedFile::damaged_block(int64_t index) const {
  const std::string place = origin_ + ": checksum of block " + std::to_string(index);
  return Error(ErrorCode::bad_file, place + ": the content is not what was written");
}

Result<PackedFileWriter> PackedFileWriter::create(const std::filesystem::path& path,
                                                  const Hash128& key, uint64_t content_bytes) {
  EF_TRY(AtomicFile file, AtomicFile::create(path));
  EF_TRY_STATUS(file.write(make_header(key, content_bytes)));
  return PackedFileWriter(std::move(file), content_bytes);
}

Status PackedFileWriter::append(std::span<const std::byte> bytes) {
  EF_CHECK(bytes.size() <= left_, "more content than announced");
  left_ -= bytes.size();
  EF_TRY_STATUS(file_.write(bytes));
  while (!bytes.empty()) {
    const size_t count = std::min(bytes.size(), PackedFile::kBlockBytes - block_.size());
    block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (block_.size() == PackedFile::kBlockBytes || (left_ == 0 && bytes.empty())) end_block();
  }
  return {};
}

void PackedFileWriter::end_block() {
  sums_.resize(sums_.size() + kSumBytes);
  put<uint64_t>(hash64(block_), &sums_[sums_.size() - kSumBytes]);
  block_.clear();
}

Status PackedFileWriter::finish() {
  EF_CHECK(left_ == 0, "less content than announced");
  std::array<std::byte, kSumBytes> sum;
  put<uint64_t>(hash64(sums_), sum.data());
  EF_TRY_STATUS(file_.write(sums_));
  EF_TRY_STATUS(file_.write(sum));
  return file_.commit();
}

}  // namespace edgefusion::formats
