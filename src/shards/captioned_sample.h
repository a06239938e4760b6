#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "formats/image.h"
#include "shards/shard_reader.h"

namespace edgefusion::shards {

/// KEY.txt of a sample and all `captions` of its KEY.json, in this order, without space around
/// them; they may repeat each other. Empty ones, and what is no UTF-8, are left out.
std::vector<std::string> captions_of(const ShardSample& sample);

/// For fields of a sample's notes (KEY.json) the words that are wanted there. A field that the notes
/// do not have is no reason against a sample: composed scenes have fewer than pictures of objects.
using SampleFilter = std::map<std::string, std::vector<std::string>>;
bool is_wanted(const ShardSample& sample, const SampleFilter& filter);

/// The sample's picture: its KEY.webp, .png, .jpg or .jpeg, the first that is there. Errors:
/// bad_file (none of them), those of decode_picture.
Result<formats::Image> picture_of(const ShardSample& sample,
                                  int64_t max_pixels = int64_t{64} << 20);

}  // namespace edgefusion::shards
