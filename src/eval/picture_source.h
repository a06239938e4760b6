#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "core/log.h"
#include "core/result.h"
#include "formats/image.h"

namespace edgefusion::eval {

struct CaptionedPicture {
  formats::Image image;
  std::string caption;  ///< the main one; empty if there is none
};

/// Where pictures come from: a WebDataset shard (KEY.webp, .png, .jpg; KEY.txt), or a folder of
/// such files, in the order of their names, captions in NAME.txt. `take` returns whether it wants
/// more. What cannot be used is named to the log and passed over. Errors: not_found (no such file,
/// no picture at all), those of the shard, those of `take`.
Status read_pictures(const std::filesystem::path& source, const LogSink& log,
                     const std::function<Result<bool>(CaptionedPicture)>& take);

}  // namespace edgefusion::eval
