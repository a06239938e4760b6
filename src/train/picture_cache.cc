#include "train/picture_cache.h"

#include <ATen/ATen.h>

#include <utility>

#include "core/atomic_file.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPixels = "pictures.rgb";

Status build(const PictureSource& source, const ReadingSinks& sinks, const fs::path& folder) {
  EF_TRY(AtomicFile file, AtomicFile::create(folder / kPixels));
  std::vector<std::vector<std::string>> captions;
  const auto take = [&](CaptionedPicture sample) -> Status {
    const at::Tensor bytes =
        ((sample.picture + 1) * 127.5).round().clamp(0, 255).to(at::kByte).contiguous();
    EF_TRY_STATUS(file.write(
        {static_cast<const std::byte*>(bytes.data_ptr()), static_cast<size_t>(bytes.numel())}));
    captions.push_back(std::move(sample.captions));
    return {};
  };
  EF_TRY_STATUS(read_captioned_pictures(source, sinks, take));
  EF_TRY_STATUS(file.commit());
  return write_captions(folder, captions);
}

}  // namespace

Result<PictureCache> PictureCache::open(const PictureSource& source, const fs::path& folder,
                                        const ReadingSinks& sinks) {
  ContentHasher hasher;
  hasher.add_text("pictures 1");
  EF_TRY_STATUS(hash_source(source, hasher));
  const fs::path own = folder / ("pictures-" + hasher.result().to_hex().substr(0, 16));
  EF_TRY_STATUS(make_cache_folder(
      own, [&](const fs::path& partial) { return build(source, sinks, partial); }));
  return read(own, source.resolution);
}

Result<PictureCache> PictureCache::read(const fs::path& folder, int64_t resolution) {
  PictureCache cache;
  EF_TRY(auto file, MappedFile::open(folder / kPixels));
  cache.file_ = std::make_shared<MappedFile>(std::move(file));
  const auto bytes = static_cast<int64_t>(cache.file_->bytes().size());
  const int64_t count = bytes / (resolution * resolution * 3);
  EF_TRY(cache.captions_, read_captions(folder, count));
  cache.pictures_ = at::from_blob(const_cast<std::byte*>(cache.file_->bytes().data()),
                                  {count, resolution, resolution, 3}, at::kByte);
  return cache;
}

at::Tensor PictureCache::squares(std::span<const int64_t> samples,
                                 std::span<const std::pair<int64_t, int64_t>> corners,
                                 int64_t size) const {
  std::vector<at::Tensor> rows;
  for (size_t i = 0; i < samples.size(); ++i) {
    rows.push_back(
        pictures_[samples[i]].narrow(0, corners[i].first, size).narrow(1, corners[i].second, size));
  }
  return at::stack(rows).to(at::kFloat) / 127.5 - 1;
}

at::Tensor PictureCache::pictures(std::span<const int64_t> samples) const {
  return squares(samples, std::vector<std::pair<int64_t, int64_t>>(samples.size()), resolution());
}

}  // namespace edgefusion::train
