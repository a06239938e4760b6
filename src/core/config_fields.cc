#include "core/config_fields.h"

#include <algorithm>
#include <string_view>

#include "core/nearest_name.h"

namespace edgefusion {

namespace fs = std::filesystem;

double ConfigFields::number(const char* key, double fallback, double least, double most) {
  const double value = reader.number(key, fallback);
  if (value >= least && value <= most) return value;
  const auto text = [](double x) { return nlohmann::json(x).dump(); };
  reader.complain(key, "a number from " + text(least) + " to " + text(most), text(value));
  return fallback;
}

std::string ConfigFields::choice(const char* key, std::string_view fallback,
                                 const std::vector<std::string>& words) {
  std::string value = reader.string(key, fallback);
  if (std::ranges::find(words, value) != words.end()) return value;
  std::string expected;
  for (size_t i = 0; i < words.size(); ++i) {
    expected += (i == 0 ? "\"" : i + 1 == words.size() ? " or \"" : ", \"") + words[i] + "\"";
  }
  reader.complain(key, expected, "\"" + printable(value) + "\"");
  return std::string(fallback);
}

fs::path ConfigFields::path(const char* key) {
  const std::string value = reader.string(key);
  if (value.empty() && reader.has(key)) reader.complain(key, "a path", "\"\"");
  return resolved(value);
}

fs::path ConfigFields::optional_path(const char* key) {
  const std::string value = reader.string(key, "");
  return value.empty() ? fs::path() : resolved(value);
}

std::vector<fs::path> ConfigFields::paths(const char* key) {
  std::vector<fs::path> found = optional_paths(key);
  if (found.empty()) reader.complain(key, "a list of files", "none");
  return found;
}

std::vector<fs::path> ConfigFields::optional_paths(const char* key) {
  std::vector<fs::path> found;
  for (const std::string& value : reader.string_list(key, std::vector<std::string>())) {
    found.push_back(resolved(value));
  }
  return found;
}

void ConfigFields::complain_about_strangers(ConfigReader& object) {
  std::vector<std::string_view> known(object.asked_keys().begin(), object.asked_keys().end());
  std::ranges::sort(known);
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (const std::string& key : object.unread_keys()) {
    object.complain(key, "a known field", unknown_name_message("field", printable(key), known));
  }
}

Status ConfigFields::finish() {
  (void)reader.string("description", "");  // for the reader of the file
  complain_about_strangers(reader);
  return reader.status();
}

fs::path ConfigFields::resolved(const fs::path& path) const {
  return path.is_absolute() ? path : folder_ / path;
}

}  // namespace edgefusion
