#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace edgefusion {

/// What a JSON text from outside may cost before it is refused.
struct JsonLimits {
  size_t max_bytes = size_t{16} << 20;
  int max_depth = 64;  ///< arrays and objects inside each other
};

/// Parses one JSON text. `origin` (usually the file) leads every message.
/// Errors, all bad_file: too long, not JSON (with line and column), not UTF-8, nested too deeply,
/// a key twice in one object, a number outside of what a double holds. Throws nothing.
Result<nlohmann::json> parse_json(std::string_view text, const std::string& origin,
                                  const JsonLimits& limits = {});

/// "line 3, column 14" of a byte offset, both counted from 1.
std::string line_and_column(std::string_view text, size_t offset);

/// Text from outside, made fit for a one-line message: control characters escaped, cut if long.
std::string printable(std::string_view text);

/// "integer 3", "string \"abc\"", "object": how messages name a value that was found.
std::string describe(const nlohmann::json& value);

struct IntRange {
  int64_t min = std::numeric_limits<int64_t>::min();
  int64_t max = std::numeric_limits<int64_t>::max();
};

/// Typed reading of a JSON object. A getter never fails: it notes a complaint
/// ("unet/config.json: sample_size: expected integer, found string \"64\"") and returns the
/// fallback, so that one pass over a config finds everything wrong with it; status() is asked once
/// at the end. A null value counts as absent, as in the configs of diffusers. A getter without a
/// fallback complains about an absent key and returns zero, false or empty. Readers made by
/// object() share the complaints of the reader they came from.
class ConfigReader {
 public:
  /// A value that is no object is the first complaint and then reads like an empty object.
  ConfigReader(nlohmann::json object, std::string origin);

  /// The key is there and not null. Does not count as reading it.
  bool has(std::string_view key) const;
  /// The value itself (null when absent), for what the typed getters do not cover.
  const nlohmann::json& raw(std::string_view key);

  int64_t integer(std::string_view key, IntRange range = {});
  int64_t integer(std::string_view key, int64_t fallback, IntRange range = {});
  std::optional<int64_t> optional_integer(std::string_view key, IntRange range = {});
  /// Any JSON number, integers included. It is always finite.
  double number(std::string_view key);
  double number(std::string_view key, double fallback);
  bool boolean(std::string_view key);
  bool boolean(std::string_view key, bool fallback);
  std::string string(std::string_view key);
  std::string string(std::string_view key, std::string_view fallback);
  std::vector<int64_t> int_list(std::string_view key, IntRange range = {});
  std::vector<int64_t> int_list(std::string_view key, std::vector<int64_t> fallback,
                                IntRange range = {});
  std::vector<double> number_list(std::string_view key, std::vector<double> fallback);
  std::vector<std::string> string_list(std::string_view key);
  std::vector<std::string> string_list(std::string_view key, std::vector<std::string> fallback);
  /// One integer for all of `count` places, or a list of exactly that length.
  std::vector<int64_t> int_or_list(std::string_view key, size_t count, int64_t fallback,
                                   IntRange range = {});
  /// The same for booleans.
  std::vector<bool> bool_or_list(std::string_view key, size_t count, bool fallback);
  /// The object under the key; an empty one when it is absent.
  ConfigReader object(std::string_view key);
  /// The objects in the list under the key; a missing list is complained of. Those behind one that
  /// there are complaints of are left out.
  std::vector<ConfigReader> objects(std::string_view key);

  /// Adds "origin: key: expected ..., found ..." for a rule the getters do not know.
  void complain(std::string_view key, std::string_view expected, std::string_view found);
  const std::vector<std::string>& complaints() const { return *complaints_; }
  /// bad_file with all complaints in one line, or success.
  Status status() const;
  /// Keys no getter asked for, sorted, without those that begin with '_' (notes of the writer).
  std::vector<std::string> unread_keys() const;
  /// The key that was asked for and is nearest to one that was not; empty where none is near.
  std::string_view nearest_asked_key(std::string_view key) const;
  /// All that a getter asked for, whether it was there or not.
  const std::vector<std::string>& asked_keys() const { return asked_keys_; }
  const std::string& origin() const { return origin_; }

 private:
  ConfigReader(nlohmann::json object, std::string origin,
               std::shared_ptr<std::vector<std::string>> complaints);
  const nlohmann::json* find(std::string_view key);
  const nlohmann::json* require(std::string_view key, std::string_view expected);
  bool read_integer(std::string_view key, const nlohmann::json& value, IntRange range,
                    int64_t& result);
  bool read_int_list(std::string_view key, const nlohmann::json& value, IntRange range,
                     std::vector<int64_t>& result);
  bool read_string_list(std::string_view key, const nlohmann::json& value,
                        std::vector<std::string>& result);

  nlohmann::json object_;
  std::string origin_;
  std::vector<std::string> asked_keys_;
  std::shared_ptr<std::vector<std::string>> complaints_;
};

}  // namespace edgefusion
