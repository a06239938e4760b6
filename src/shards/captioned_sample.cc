#include "shards/captioned_sample.h"

#include <nlohmann/json.hpp>

#include "shards/picture.h"

namespace edgefusion::shards {

using nlohmann::json;

std::vector<std::string> captions_of(const ShardSample& sample) {
  std::vector<std::string> captions;
  if (sample.members.contains("txt")) captions.push_back(sample.text("txt"));
  const json notes = json::parse(sample.text("json"), nullptr, false);
  if (notes.is_object() && notes.contains("captions") && notes["captions"].is_array()) {
    for (const json& caption : notes["captions"]) {
      if (caption.is_string()) captions.push_back(caption.get<std::string>());
    }
  }
  return captions;
}

Result<formats::Image> picture_of(const ShardSample& sample, int64_t max_pixels) {
  for (const char* extension : {"webp", "png", "jpg", "jpeg"}) {
    const auto member = sample.members.find(extension);
    if (member == sample.members.end()) continue;
    return decode_picture(member->second, sample.key + "." + extension, max_pixels);
  }
  return fail(ErrorCode::bad_file, sample.key + ": no picture");
}

}  // namespace edgefusion::shards
