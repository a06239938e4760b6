#include <algorithm>
#include <utility>

#include "core/json.h"
#include "core/nearest_name.h"

namespace edgefusion {
namespace {

using nlohmann::json;

std::string expected_integer(IntRange range) {
  const IntRange any;
  const bool low = range.min != any.min;
  const bool high = range.max != any.max;
  if (low && high) {
    return "integer in [" + std::to_string(range.min) + ", " + std::to_string(range.max) + "]";
  }
  if (low) return "integer of at least " + std::to_string(range.min);
  if (high) return "integer of at most " + std::to_string(range.max);
  return "integer";
}

std::string list_place(std::string_view key, size_t index) {
  return std::string(key) + "[" + std::to_string(index) + "]";
}

}  // namespace

ConfigReader::ConfigReader(json object, std::string origin)
    : ConfigReader(std::move(object), std::move(origin),
                   std::make_shared<std::vector<std::string>>()) {}

ConfigReader::ConfigReader(json object, std::string origin,
                           std::shared_ptr<std::vector<std::string>> complaints)
    : object_(std::move(object)), origin_(std::move(origin)), complaints_(std::move(complaints)) {
  if (object_.is_object()) return;
  complaints_->push_back(origin_ + ": expected object, found " + describe(object_));
  object_ = json::object();
}

bool ConfigReader::has(std::string_view key) const {
  const auto it = object_.find(key);
  return it != object_.end() && !it->is_null();
}

const json* ConfigReader::find(std::string_view key) {
  asked_keys_.emplace_back(key);
  const auto it = object_.find(key);
  if (it == object_.end()) return nullptr;
  return it->is_null() ? nullptr : &*it;
}

const json* ConfigReader::require(std::string_view key, std::string_view expected) {
  const json* value = find(key);
  if (value == nullptr) complain(key, expected, "nothing");
  return value;
}

void ConfigReader::complain(std::string_view key, std::string_view expected,
                            std::string_view found) {
  std::string text = origin_ + ": " + printable(key);
  text.append(": expected ").append(expected).append(", found ").append(found);
  // A field that is read by several readers is complained of once.
  if (std::ranges::find(*complaints_, text) == complaints_->end()) {
    complaints_->push_back(std::move(text));
  }
}

const json& ConfigReader::raw(std::string_view key) {
  static const json kNull;
  const json* value = find(key);
  return value == nullptr ? kNull : *value;
}

bool ConfigReader::read_integer(std::string_view key, const json& value, IntRange range,
                                int64_t& result) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  const bool fits =
      value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > kMost);
  const int64_t number = fits ? value.get<int64_t>() : 0;
  if (!fits || number < range.min || number > range.max) {
    complain(key, expected_integer(range), describe(value));
    return false;
  }
  result = number;
  return true;
}

int64_t ConfigReader::integer(std::string_view key, IntRange range) {
  int64_t result = 0;
  if (const json* value = require(key, expected_integer(range))) {
    read_integer(key, *value, range, result);
  }
  return result;
}

int64_t ConfigReader::integer(std::string_view key, int64_t fallback, IntRange range) {
  return optional_integer(key, range).value_or(fallback);
}

std::optional<int64_t> ConfigReader::optional_integer(std::string_view key, IntRange range) {
  const json* value = find(key);
  int64_t result = 0;
  if (value == nullptr || !read_integer(key, *value, range, result)) return std::nullopt;
  return result;
}

double ConfigReader::number(std::string_view key) {
  return require(key, "number") != nullptr ? number(key, 0.0) : 0.0;
}

double ConfigReader::number(std::string_view key, double fallback) {
  const json* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_number()) return value->get<double>();
  complain(key, "number", describe(*value));
  return fallback;
}

bool ConfigReader::boolean(std::string_view key) {
  return require(key, "true or false") != nullptr && boolean(key, false);
}

bool ConfigReader::boolean(std::string_view key, bool fallback) {
  const json* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  complain(key, "true or false", describe(*value));
  return fallback;
}

std::string ConfigReader::string(std::string_view key) {
  return require(key, "string") != nullptr ? string(key, "") : std::string();
}

std::string ConfigReader::string(std::string_view key, std::string_view fallback) {
  const json* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (value->is_string()) return value->get<std::string>();
  complain(key, "string", describe(*value));
  return std::string(fallback);
}

bool ConfigReader::read_int_list(std::string_view key, const json& value, IntRange range,
                                 std::vector<int64_t>& result) {
  if (!value.is_array()) {
    complain(key, "list of integers", describe(value));
    return false;
  }
  std::vector<int64_t> items(value.size());
  for (size_t i = 0; i < items.size(); ++i) {
    if (!read_integer(list_place(key, i), value[i], range, items[i])) return false;
  }
  result = std::move(items);
  return true;
}

std::vector<int64_t> ConfigReader::int_list(std::string_view key, IntRange range) {
  return require(key, "list of integers") != nullptr ? int_list(key, {}, range)
                                                     : std::vector<int64_t>();
}

std::vector<int64_t> ConfigReader::int_list(std::string_view key, std::vector<int64_t> fallback,
                                            IntRange range) {
  if (const json* value = find(key)) read_int_list(key, *value, range, fallback);
  return fallback;
}

std::vector<double> ConfigReader::number_list(std::string_view key, std::vector<double> fallback) {
  const json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_array()) {
    complain(key, "list of numbers", describe(*value));
    return fallback;
  }
  std::vector<double> items;
  for (const json& item : *value) {
    if (!item.is_number()) {
      complain(list_place(key, items.size()), "number", describe(item));
      return fallback;
    }
    items.push_back(item.get<double>());
  }
  return items;
}

bool ConfigReader::read_string_list(std::string_view key, const json& value,
                                    std::vector<std::string>& result) {
  if (!value.is_array()) {
    complain(key, "list of strings", describe(value));
    return false;
  }
  std::vector<std::string> items;
  for (const json& item : value) {
    if (!item.is_string()) {
      complain(list_place(key, items.size()), "string", describe(item));
      return false;
    }
    items.push_back(item.get<std::string>());
  }
  result = std::move(items);
  return true;
}

std::vector<std::string> ConfigReader::string_list(std::string_view key) {
  return require(key, "list of strings") != nullptr ? string_list(key, {})
                                                    : std::vector<std::string>();
}

std::vector<std::string> ConfigReader::string_list(std::string_view key,
                                                   std::vector<std::string> fallback) {
  if (const json* value = find(key)) read_string_list(key, *value, fallback);
  return fallback;
}

std::vector<int64_t> ConfigReader::int_or_list(std::string_view key, size_t count, int64_t fallback,
                                               IntRange range) {
  std::vector<int64_t> result(count, fallback);
  const json* value = find(key);
  if (value == nullptr) return result;
  if (!value->is_array()) {
    int64_t one = fallback;
    read_integer(key, *value, range, one);
    return std::vector<int64_t>(count, one);
  }
  if (value->size() != count) {
    complain(key, "integer or list of " + std::to_string(count), describe(*value));
    return result;
  }
  read_int_list(key, *value, range, result);
  return result;
}

std::vector<bool> ConfigReader::bool_or_list(std::string_view key, size_t count, bool fallback) {
  const json* value = find(key);
  if (value == nullptr) return std::vector<bool>(count, fallback);
  if (value->is_boolean()) return std::vector<bool>(count, value->get<bool>());
  const bool booleans =
      value->is_array() && value->size() == count &&
      std::all_of(value->begin(), value->end(), [](const json& item) { return item.is_boolean(); });
  if (booleans) return value->get<std::vector<bool>>();
  complain(key, "true, false or a list of " + std::to_string(count) + " of them", describe(*value));
  return std::vector<bool>(count, fallback);
}

ConfigReader ConfigReader::object(std::string_view key) {
  const json* value = find(key);
  return ConfigReader(value == nullptr ? json::object() : *value, origin_ + ": " + printable(key),
                      complaints_);
}

std::vector<ConfigReader> ConfigReader::objects(std::string_view key) {
  std::vector<ConfigReader> items;
  const json* value = require(key, "list of objects");
  if (value == nullptr) return items;
  if (!value->is_array()) {
    complain(key, "list of objects", describe(*value));
    return items;
  }
  const size_t complaints_before = complaints_->size();
  for (size_t i = 0; i < value->size() && complaints_->size() == complaints_before; ++i) {
    const std::string place = list_place(printable(key), i);
    items.push_back(ConfigReader((*value)[i], origin_ + ": " + place, complaints_));
  }
  return items;
}

Status ConfigReader::status() const {
  if (complaints_->empty()) return {};
  constexpr size_t kMostShown = 20;
  std::string text;
  for (size_t i = 0; i < std::min(complaints_->size(), kMostShown); ++i) {
    text += (i == 0 ? "" : "; ") + (*complaints_)[i];
  }
  if (complaints_->size() > kMostShown) {
    text += "; and " + std::to_string(complaints_->size() - kMostShown) + " more";
  }
  return fail(ErrorCode::bad_file, std::move(text));
}

std::vector<std::string> ConfigReader::unread_keys() const {
  std::vector<std::string> unread;
  for (const auto& [key, value] : object_.items()) {
    const bool read = std::find(asked_keys_.begin(), asked_keys_.end(), key) != asked_keys_.end();
    if (!read && !key.starts_with('_')) unread.push_back(key);
  }
  return unread;
}

std::string_view ConfigReader::nearest_asked_key(std::string_view key) const {
  const std::vector<std::string_view> asked(asked_keys_.begin(), asked_keys_.end());
  return nearest_name(key, asked);
}

}  // namespace edgefusion
