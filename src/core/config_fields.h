#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"

namespace edgefusion {

/// Reads a config file that a user writes (of `train`, `data`): a ConfigReader with paths that
/// count from the file's folder, numbers within bounds, and every field that nobody asked for told
/// with the nearest name.
class ConfigFields {
 public:
  ConfigFields(const nlohmann::json& json, const std::filesystem::path& file)
      : reader(json, file.string()), written_(json), folder_(file.parent_path()) {}

  /// The whole object, as the file has it.
  const nlohmann::json& written() const { return written_; }

  double number(const char* key, double fallback, double least, double most);
  /// One of a few words.
  std::string choice(const char* key, std::string_view fallback,
                     const std::vector<std::string>& words);
  std::filesystem::path path(const char* key);
  std::filesystem::path optional_path(const char* key);  ///< empty if it is not there
  std::vector<std::filesystem::path> paths(const char* key);
  std::vector<std::filesystem::path> optional_paths(const char* key);

  /// Every field of an object inside, all of which has been read, that nobody asked for.
  static void complain_about_strangers(ConfigReader& object);

  /// To be asked once, when everything has been read. Errors: bad_file that lists all that is
  /// wrong.
  Status finish();

  ConfigReader reader;

 private:
  std::filesystem::path resolved(const std::filesystem::path& path) const;

  nlohmann::json written_;
  std::filesystem::path folder_;
};

}  // namespace edgefusion
