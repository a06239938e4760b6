#include "shards/captioned_sample.h"

#include <nlohmann/json.hpp>

#include "formats/latin1.h"
#include "shards/picture.h"

namespace edgefusion::shards {

using nlohmann::json;

namespace {

constexpr const char* kSpace = " \t\r\n";

}  // namespace

std::vector<std::string> captions_of(const ShardSample& sample) {
  std::vector<std::string> captions;
  const auto add = [&](const std::string& text) {
    const size_t first = text.find_first_not_of(kSpace);
    if (first == std::string::npos || !formats::is_utf8(text)) return;
    captions.push_back(text.substr(first, text.find_last_not_of(kSpace) + 1 - first));
  };
  if (sample.members.contains("txt")) add(sample.text("txt"));
  const json notes = json::parse(sample.text("json"), nullptr, false);
  if (notes.is_object() && notes.contains("captions") && notes["captions"].is_array()) {
    for (const json& caption : notes["captions"]) {
      if (caption.is_string()) add(caption.get<std::string>());
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
