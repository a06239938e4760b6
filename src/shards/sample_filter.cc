#include "shards/sample_filter.h"

#include <algorithm>

#include "core/config_fields.h"

namespace edgefusion::shards {

SampleFilter read_sample_filter(ConfigFields& fields) {
  SampleFilter filter;
  const nlohmann::json written = fields.reader.raw("where");
  ConfigReader object = fields.reader.object("where");
  if (!written.is_object()) return filter;  // none, or complained about
  for (const auto& [field, words] : written.items()) {
    filter[field] = object.string_list(field);
    if (filter[field].empty()) object.complain(field, "a list of words", "none");
  }
  return filter;
}

bool SampleChoice::wants(const nlohmann::json& notes) {
  bool wanted = true;
  for (const auto& [field, words] : filter_) {
    const auto found = notes.is_object() ? notes.find(field) : notes.end();
    if (found == notes.end() || !found->is_string()) continue;
    const std::string& word = *seen_[field].insert(found->get<std::string>()).first;
    wanted = wanted && std::ranges::find(words, word) != words.end();
  }
  return wanted;
}

Status SampleChoice::check() const {
  for (const auto& [field, words] : filter_) {
    const auto seen = seen_.find(field);
    for (const std::string& word : words) {
      if (seen != seen_.end() && seen->second.contains(word)) continue;
      std::string found;
      if (seen != seen_.end()) {
        for (const std::string& name : seen->second) {
          found += (found.empty() ? "" : ", ") + printable(name);
        }
      }
      return fail(ErrorCode::not_found,
                  "where: " + printable(field) + ": expected words of the samples', found \"" +
                      printable(word) + "\"; they have " + (found.empty() ? "none" : found));
    }
  }
  return {};
}

}  // namespace edgefusion::shards
