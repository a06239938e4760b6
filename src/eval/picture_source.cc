#include "eval/picture_source.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/mapped_file.h"
#include "formats/latin1.h"
#include "shards/captioned_sample.h"
#include "shards/picture.h"
#include "shards/shard_reader.h"

namespace edgefusion::eval {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kExtensions = {".webp", ".png", ".jpg", ".jpeg"};
constexpr size_t kMostCaptionBytes = size_t{1} << 16;

using Take = std::function<Result<bool>(CaptionedPicture)>;

Status nothing_in(const fs::path& source) {
  return fail(ErrorCode::not_found, source.string() + ": no picture that can be used");
}

Status read_shard(const fs::path& path, const LogSink& log, const Take& take) {
  EF_TRY(auto reader, shards::ShardReader::open(path));
  bool any = false;
  while (true) {
    const auto next = reader.next();
    if (!next) {  // the rest of the shard is lost, as in training
      log(LogLevel::warn, printable(next.error().message()));
      break;
    }
    const auto& sample = *next;
    if (!sample) break;
    auto image = shards::picture_of(*sample);
    if (!image) {
      log(LogLevel::warn, path.string() + ": " + printable(image.error().message()));
      continue;
    }
    const auto captions = shards::captions_of(*sample);
    any = true;
    EF_TRY(const bool more, take({std::move(*image), captions.empty() ? "" : captions.front()}));
    if (!more) break;
  }
  return any ? Status() : nothing_in(path);
}

Result<std::vector<fs::path>> pictures_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string extension = it->path().extension().string();
    if (std::ranges::find(kExtensions, extension) != kExtensions.end()) paths.push_back(it->path());
  }
  if (error) return fail(ErrorCode::io, folder.string() + ": " + error.message());
  std::ranges::sort(paths);
  return paths;
}

/// The first line of NAME.txt, if it is there and is UTF-8.
std::string caption_beside(const fs::path& picture) {
  const auto text = read_text_file(fs::path(picture).replace_extension(".txt"), kMostCaptionBytes);
  if (!text || !formats::is_utf8(*text)) return {};
  return text->substr(0, text->find_first_of("\r\n"));
}

Status read_folder(const fs::path& folder, const LogSink& log, const Take& take) {
  EF_TRY(const std::vector<fs::path> paths, pictures_in(folder));
  bool any = false;
  for (const fs::path& path : paths) {
    EF_TRY(const MappedFile file, MappedFile::open(path));
    auto image = shards::decode_picture(file.bytes(), path.string());
    if (!image) {
      log(LogLevel::warn, printable(image.error().message()));
      continue;
    }
    any = true;
    EF_TRY(const bool more, take({std::move(*image), caption_beside(path)}));
    if (!more) break;
  }
  return any ? Status() : nothing_in(folder);
}

}  // namespace

Status read_pictures(const fs::path& source, const LogSink& log, const Take& take) {
  std::error_code error;
  return fs::is_directory(source, error) ? read_folder(source, log, take)
                                         : read_shard(source, log, take);
}

}  // namespace edgefusion::eval
