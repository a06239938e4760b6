#include "core/json.h"

#include <cstdio>
#include <utility>

namespace edgefusion {
namespace {

using nlohmann::json;

/// Builds the value itself instead of using json::parse, which keeps the last of two equal keys
/// in silence and knows no depth limit.
class TreeBuilder : public nlohmann::json_sax<json> {
 public:
  TreeBuilder(std::string_view text, int max_depth) : text_(text), max_depth_(max_depth) {}

  bool null() override { return add(nullptr) != nullptr; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return add(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return add(value) != nullptr; }
  bool number_float(number_float_t value, const string_t&) override {
    return add(value) != nullptr;
  }
  bool string(string_t& value) override { return add(std::move(value)) != nullptr; }
  bool binary(binary_t&) override { return false; }  // never in a text
  bool start_object(size_t) override { return open(json::object()); }
  bool start_array(size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& value) override {
    json& object = *open_.back();
    if (object.contains(value)) {
      error_ = "key \"" + printable(value) + "\": expected once in its object, found twice";
      return false;
    }
    slot_ = &object[value];
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& exception) override {
    // The text of the exception names the parser's inner states; its end says what was found.
    const std::string_view what = exception.what();
    const size_t detail = what.rfind("; ");
    const size_t offset = position > 0 ? position - 1 : 0;
    error_ = line_and_column(text_, offset) + ": not valid JSON";
    if (exception.id == 406)
      error_ += ": number out of range";
    else if (detail != std::string_view::npos)
      error_ += ": " + printable(what.substr(detail + 2));
    return false;
  }

  json take() { return std::move(root_); }
  const std::string& error() const { return error_; }

 private:
  json* add(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    *slot_ = std::move(value);
    return slot_;
  }

  bool open(json container) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      error_ = "expected at most " + std::to_string(max_depth_) + " nested levels, found more";
      return false;
    }
    open_.push_back(add(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  int max_depth_;
  json root_;
  std::vector<json*> open_;  // a container gets no sibling while it is open, so these stay valid
  json* slot_ = nullptr;     // where the value of the key just read goes
  std::string error_;
};

}  // namespace

std::string line_and_column(std::string_view text, size_t offset) {
  size_t line = 1;
  size_t column = 1;
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    const bool newline = text[i] == '\n';
    line += newline ? 1 : 0;
    column = newline ? 1 : column + 1;
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

std::string printable(std::string_view text) {
  constexpr size_t kLongest = 200;
  std::string out;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
      continue;
    }
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
    out += escaped;
  }
  if (text.size() <= kLongest) return out;
  // A cut must not leave half of a UTF-8 sequence behind.
  while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
  if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0) out.pop_back();
  return out + "...";
}

std::string describe(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return "integer " + value.dump();
    case json::value_t::number_float:
      return "number " + value.dump();
    case json::value_t::string:
      return "string \"" + printable(value.get_ref<const std::string&>()) + "\"";
    case json::value_t::array:
      return "list of " + std::to_string(value.size());
    case json::value_t::object:
      return "object";
    default:
      return "something else";
  }
}

Result<json> parse_json(std::string_view text, const std::string& origin,
                        const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorCode::bad_file, origin + ": expected at most " +
                                         std::to_string(limits.max_bytes) +
                                         " bytes of JSON, found " + std::to_string(text.size()));
  }
  try {
    TreeBuilder builder(text, limits.max_depth);
    if (json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
    return fail(ErrorCode::bad_file, origin + ": " + builder.error());
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::resource_exhausted, origin + ": not enough memory to read this JSON");
  } catch (const std::exception& exception) {
    return fail(ErrorCode::bad_file, origin + ": " + printable(exception.what()));
  }
}

}  // namespace edgefusion
