#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "formats/image.h"
#include "shards/shard_reader.h"

namespace edgefusion::shards {

/// KEY.txt of a sample and all `captions` of its KEY.json, in this order, without space around
/// them; they may repeat each other. Empty ones, and what is no UTF-8, are left out.
std::vector<std::string> captions_of(const ShardSample& sample);

/// The sample's picture: its KEY.webp, .png, .jpg or .jpeg, the first that is there. Errors:
/// bad_file (none of them), those of decode_picture.
Result<formats::Image> picture_of(const ShardSample& sample,
                                  int64_t max_pixels = int64_t{64} << 20);

}  // namespace edgefusion::shards
