#include "train/captioned_pictures.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "core/atomic_file.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "shards/captioned_sample.h"
#include "train/mirroring.h"
#include "train/picture_encoder.h"
#include "train/sample_order.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kCaptions = "captions.json";

/// Where the square of a sample lies: 0 at the beginning of the longer side, 1 at its end.
double crop_position(const PictureSource& source, const std::vector<std::string>& captions,
                     int64_t number) {
  // The middle is where a caption's sides are most likely still in the square.
  if (!source.random_crop || !may_mirror(captions)) return 0.5;
  const uint64_t drawn = mixed_seed(source.seed, Purpose::crop, static_cast<uint64_t>(number));
  return static_cast<double>(drawn >> 11) * 0x1p-53;
}

/// Held while a folder is made in `parent`. A file system without locks is one without other
/// programs.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& parent)
      : descriptor_(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ >= 0) ::flock(descriptor_, LOCK_EX);
  }
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

/// number: of the samples before it.
Result<CaptionedPicture> usable(const shards::ShardSample& raw, const PictureSource& source,
                                int64_t number) {
  CaptionedPicture sample;
  sample.captions = shards::captions_of(raw);
  if (sample.captions.empty()) {
    if (source.captions_needed) return fail(ErrorCode::bad_file, raw.key + ": no caption");
    sample.captions.emplace_back();
  }
  EF_TRY(const formats::Image image, shards::picture_of(raw));
  sample.picture =
      picture_tensor(image, source.resolution, crop_position(source, sample.captions, number));
  return sample;
}

/// One shard after the other.
class Reading {
 public:
  Reading(const PictureSource& source, const ReadingSinks& sinks,
          const std::function<Status(CaptionedPicture)>& take)
      : source_(source), sinks_(sinks), take_(take), choice_(source.where) {}

  Status read(const fs::path& path) {
    EF_TRY(auto reader, shards::ShardReader::open(path));
    int64_t unusable = 0;
    while (true) {
      if (sinks_.cancel != nullptr && sinks_.cancel->load()) {
        return fail(ErrorCode::cancelled, "cancelled while pictures were read");
      }
      auto next = reader.next();
      if (!next) {  // the rest of this shard is lost, the run goes on
        sinks_.log(LogLevel::warn, printable(next.error().message()));
        break;
      }
      if (!*next) break;
      if (!is_wanted(**next)) continue;
      auto sample = usable(**next, source_, count_);
      if (!sample) {
        ++unusable;
        sinks_.log(LogLevel::warn, path.string() + ": " + printable(sample.error().message()));
        continue;
      }
      EF_TRY_STATUS(take_(std::move(*sample)));
      ++count_;
      if (sinks_.progress) sinks_.progress(count_);
    }
    if (unusable > 0) {
      sinks_.log(LogLevel::warn,
                 path.string() + ": " + std::to_string(unusable) + " samples could not be used");
    }
    return {};
  }

  int64_t count() const { return count_; }

  /// To be called at the end.
  void tell_of_odd_words() const {
    const Status odd = choice_.check();
    if (!odd) sinks_.log(LogLevel::warn, odd.error().message());
  }

 private:
  bool is_wanted(const shards::ShardSample& sample) {
    return choice_.wants_all() || choice_.wants(json::parse(sample.text("json"), nullptr, false));
  }

  const PictureSource& source_;
  const ReadingSinks& sinks_;
  const std::function<Status(CaptionedPicture)>& take_;
  shards::SampleChoice choice_;
  int64_t count_ = 0;
};

}  // namespace

Status read_captioned_pictures(const PictureSource& source, const ReadingSinks& sinks,
                               const std::function<Status(CaptionedPicture)>& take) {
  Reading reading(source, sinks, take);
  for (const fs::path& shard : source.shards) EF_TRY_STATUS(reading.read(shard));
  reading.tell_of_odd_words();
  if (reading.count() > 0) return {};
  return fail(ErrorCode::not_found,
              source.shards.front().string() + " and the others: no sample that can be used" +
                  (source.where.empty() ? "" : ", of those that \"where\" asks for"));
}

Status check_shards(const std::vector<fs::path>& shards) {
  for (const fs::path& shard : shards) {
    EF_TRY_STATUS(shards::ShardReader::open(shard));
  }
  return {};
}

Status hash_source(const PictureSource& source, ContentHasher& hasher) {
  for (const fs::path& shard : source.shards) {
    EF_TRY(const MappedFile file, MappedFile::open(shard));
    hasher.add_number(file.bytes().size());
    hasher.add(file.bytes());
  }
  hasher.add_number(static_cast<uint64_t>(source.resolution));
  if (source.random_crop) {
    hasher.add_text("random crop");
    hasher.add_number(source.seed);
  }
  if (!source.captions_needed) hasher.add_text("captions or none");
  for (const auto& [field, words] : source.where) {
    hasher.add_text("where " + field);
    for (const std::string& word : words) hasher.add_text(word);
  }
  return {};
}

Status write_captions(const fs::path& folder,
                      const std::vector<std::vector<std::string>>& captions) {
  const std::string text = json(captions).dump(-1, ' ', false, json::error_handler_t::replace);
  return write_file_atomically(folder / kCaptions,
                               std::as_bytes(std::span(text.data(), text.size())));
}

Result<std::vector<std::vector<std::string>>> read_captions(const fs::path& folder, int64_t count) {
  std::ifstream stream(folder / kCaptions);
  const json lists = json::parse(stream, nullptr, false);
  if (!lists.is_array() || static_cast<int64_t>(lists.size()) != count) {
    return fail(ErrorCode::bad_file,
                folder.string() + ": pictures and captions do not fit together; delete the folder");
  }
  std::vector<std::vector<std::string>> captions;
  for (const json& list : lists) {
    const bool texts = list.is_array() && !list.empty() &&
                       std::ranges::all_of(list, [](const json& text) { return text.is_string(); });
    if (!texts) {
      return fail(ErrorCode::bad_file, (folder / kCaptions).string() +
                                           ": expected a list of texts for each picture, found " +
                                           describe(list) + "; delete the folder");
    }
    captions.push_back(list.get<std::vector<std::string>>());
  }
  return captions;
}

Status make_cache_folder(const fs::path& folder,
                         const std::function<Status(const fs::path& partial)>& build) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return {};
  fs::create_directories(folder.parent_path(), error);
  if (error) return fail(ErrorCode::io, folder.parent_path().string() + ": " + error.message());
  const FolderLock lock(folder.parent_path());
  if (fs::is_directory(folder, error)) return {};
  const fs::path partial = folder.string() + ".partial";
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return fail(ErrorCode::io, partial.string() + ": " + error.message());
  const Status built = build(partial);
  if (!built) {
    fs::remove_all(partial, error);
    return built;
  }
  fs::rename(partial, folder, error);
  if (error) return fail(ErrorCode::io, folder.string() + ": " + error.message());
  return {};
}

}  // namespace edgefusion::train
