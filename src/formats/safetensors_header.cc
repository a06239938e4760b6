#include "formats/safetensors_header.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "core/json.h"

namespace edgefusion::formats {
namespace {

using nlohmann::json;

struct DTypeName {
  std::string_view name;
  DType dtype;
};
constexpr std::array kDTypes = {
    DTypeName{"BOOL", DType::boolean}, DTypeName{"U8", DType::u8},   DTypeName{"I8", DType::i8},
    DTypeName{"I16", DType::i16},      DTypeName{"U16", DType::u16}, DTypeName{"F16", DType::f16},
    DTypeName{"BF16", DType::bf16},    DTypeName{"I32", DType::i32}, DTypeName{"U32", DType::u32},
    DTypeName{"F32", DType::f32},      DTypeName{"F64", DType::f64}, DTypeName{"I64", DType::i64},
    DTypeName{"U64", DType::u64}};
// Well-formed files may hold these; nothing here computes with them.
constexpr std::array<std::string_view, 7> kForeignDTypes = {"F8_E5M2", "F8_E4M3", "F8_E8M0", "F4",
                                                            "F6_E2M3", "F6_E3M2", "C64"};

std::optional<DType> dtype_of(std::string_view name) {
  for (const DTypeName& known : kDTypes) {
    if (known.name == name) return known.dtype;
  }
  return std::nullopt;
}

/// Follows the header token by token. No tree is built: a hostile header of the allowed 100 MB
/// must not cost gigabytes, and a key that comes twice must be seen.
class HeaderHandler : public nlohmann::json_sax<json> {
 public:
  HeaderHandler(std::string_view text, std::string origin)
      : text_(text), origin_(std::move(origin)) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("true or false"); }
  bool number_float(number_float_t, const string_t& text) override {
    return unexpected("number " + printable(text));
  }
  bool number_integer(number_integer_t value) override {
    return unexpected("integer " + std::to_string(value));  // only negative ones come here
  }
  bool binary(binary_t&) override { return unexpected("binary"); }

  bool number_unsigned(number_unsigned_t value) override {
    constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (place_ == Place::shape && value <= kMost) {
      if (extents_.size() == Shape::kMaxRank) {
        return refuse(
            ErrorCode::unsupported,
            "expected at most " + std::to_string(Shape::kMaxRank) + " dimensions, found more");
      }
      extents_.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (place_ == Place::offsets && offsets_ < 2) {
      (offsets_ == 0 ? entry_.begin : entry_.end) = value;
      ++offsets_;
      return true;
    }
    return unexpected("integer " + std::to_string(value));
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      header_.metadata[key_] = std::move(value);
      return true;
    }
    if (place_ != Place::fields || key_ != "dtype") return unexpected("a string");
    if (const auto dtype = dtype_of(value)) {
      entry_.dtype = *dtype;
      return true;
    }
    const bool foreign = std::ranges::find(kForeignDTypes, value) != kForeignDTypes.end();
    return refuse(
        foreign ? ErrorCode::unsupported : ErrorCode::bad_file,
        "expected an element type such as F32, F16 or BF16, found \"" + printable(value) + "\"");
  }

  bool start_object(size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::names;
      return true;
    }
    if (place_ != Place::names) return unexpected("an object");
    if (name_ == "__metadata__") {
      place_ = Place::metadata;
      return true;
    }
    place_ = Place::fields;
    entry_ = SafetensorsEntry();
    entry_.name = name_;
    fields_.clear();
    extents_.clear();
    offsets_ = 0;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::fields && !finish_entry()) return false;
    place_ = place_ == Place::names ? Place::outside : Place::names;
    if (place_ == Place::names) name_.clear();
    return true;
  }

  bool start_array(size_t) override {
    if (place_ == Place::fields && key_ == "shape") {
      place_ = Place::shape;
      return true;
    }
    if (place_ == Place::fields && key_ == "data_offsets") {
      place_ = Place::offsets;
      return true;
    }
    return unexpected("a list");
  }

  bool end_array() override {
    if (place_ == Place::offsets && offsets_ != 2) {
      return unexpected("a list of " + std::to_string(offsets_));
    }
    place_ = Place::fields;
    return true;
  }

  bool key(string_t& value) override {
    if (place_ == Place::names) {
      name_ = value;
      if (names_.insert(value).second) return true;
      return refuse(ErrorCode::bad_file, "expected the name once, found twice");
    }
    key_ = value;
    if (place_ == Place::metadata) {
      if (!header_.metadata.contains(value)) return true;
      return refuse(ErrorCode::bad_file,
                    "expected key \"" + printable(value) + "\" once, found twice");
    }
    if (value != "dtype" && value != "shape" && value != "data_offsets") {
      return refuse(ErrorCode::bad_file,
                    "expected dtype, shape and data_offsets, found \"" + printable(value) + "\"");
    }
    if (std::ranges::find(fields_, value) != fields_.end()) {
      return refuse(ErrorCode::bad_file, "expected " + value + " once, found twice");
    }
    fields_.push_back(value);
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error_ = Error(ErrorCode::bad_file,
                   origin_ + ": header: expected JSON in UTF-8, found something else at " +
                       line_and_column(text_, position > 0 ? position - 1 : 0));
    return false;
  }

  SafetensorsHeader take() { return std::move(header_); }
  Error error() const { return error_; }

 private:
  enum class Place { outside, names, metadata, fields, shape, offsets };

  bool refuse(ErrorCode code, const std::string& what) {
    const std::string tensor = name_.empty() ? "header" : printable(name_);
    error_ = Error(code, origin_ + ": " + tensor + ": " + what);
    return false;
  }

  bool unexpected(const std::string& found) {
    std::string expected = "an object of tensors";
    if (place_ == Place::names) expected = "an object";
    if (place_ == Place::metadata) expected = printable(key_) + " to be a string";
    if (place_ == Place::shape) expected = "shape of extents in [0, 2^63)";
    if (place_ == Place::offsets) expected = "data_offsets of two integers in [0, 2^64)";
    if (place_ == Place::fields) {
      expected = key_ == "dtype" ? "dtype to be a string" : key_ + " to be a list";
    }
    return refuse(ErrorCode::bad_file, "expected " + expected + ", found " + found);
  }

  bool finish_entry() {
    if (fields_.size() != 3) {
      return refuse(ErrorCode::bad_file, "expected dtype, shape and data_offsets, found " +
                                             std::to_string(fields_.size()) + " of them");
    }
    entry_.shape = Shape(extents_);
    header_.tensors.push_back(std::move(entry_));
    return true;
  }

  std::string_view text_;
  std::string origin_;
  Place place_ = Place::outside;
  SafetensorsHeader header_;
  std::unordered_set<std::string> names_;
  std::string name_;                 // of the tensor being read
  std::string key_;                  // of the field or metadata being read
  std::vector<std::string> fields_;  // seen in this tensor
  SafetensorsEntry entry_;
  std::vector<int64_t> extents_;
  int offsets_ = 0;
  Error error_{ErrorCode::bad_file, ""};
};

std::string span_text(const SafetensorsEntry& entry) {
  return "[" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + ")";
}

/// Bytes of shape x dtype, or nothing if that does not fit. Empty tensors must not hide extents
/// whose product overflows: code that walks rows multiplies the others.
std::optional<uint64_t> byte_count(const SafetensorsEntry& entry) {
  uint64_t bound = size_of(entry.dtype);
  uint64_t bytes = bound;
  for (const int64_t extent : entry.shape.extents()) {
    const auto count = static_cast<uint64_t>(extent);
    if (__builtin_mul_overflow(bound, std::max<uint64_t>(count, 1), &bound)) return std::nullopt;
    bytes *= count;
  }
  if (bound > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  return bytes;
}

Status check_entry(const SafetensorsEntry& entry, const std::string& place, uint64_t data_bytes) {
  if (entry.begin > entry.end) {
    return fail(ErrorCode::bad_file,
                place + "expected data_offsets in order, found " + span_text(entry));
  }
  if (entry.end > data_bytes) {
    return fail(ErrorCode::bad_file, place + "expected data_offsets within the " +
                                         std::to_string(data_bytes) + " bytes of data, found " +
                                         span_text(entry));
  }
  const auto bytes = byte_count(entry);
  const std::string type =
      std::string(safetensors_dtype_name(entry.dtype)) + " " + entry.shape.to_string();
  if (!bytes) {
    return fail(ErrorCode::bad_file, place + "expected a size in bytes below 2^63, found " + type);
  }
  if (*bytes != entry.end - entry.begin) {
    return fail(ErrorCode::bad_file, place + "expected " + std::to_string(*bytes) + " bytes for " +
                                         type + ", found " +
                                         std::to_string(entry.end - entry.begin));
  }
  return {};
}

Status check_tiling(std::vector<SafetensorsEntry>& tensors, const std::string& origin,
                    uint64_t data_bytes) {
  for (const SafetensorsEntry& entry : tensors) {
    EF_TRY_STATUS(check_entry(entry, origin + ": " + printable(entry.name) + ": ", data_bytes));
  }
  std::ranges::sort(tensors, [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t reached = 0;
  for (const SafetensorsEntry& entry : tensors) {
    if (entry.begin != reached) {
      const bool overlap = entry.begin < reached;
      return fail(ErrorCode::bad_file,
                  origin + ": " + printable(entry.name) + ": expected data to begin at byte " +
                      std::to_string(reached) + " where the tensor before it ends, found " +
                      std::to_string(entry.begin) + (overlap ? " (overlap)" : " (hole)"));
    }
    reached = entry.end;
  }
  if (reached == data_bytes) return {};
  return fail(ErrorCode::bad_file, origin + ": expected " + std::to_string(reached) +
                                       " bytes of data as the header says, found " +
                                       std::to_string(data_bytes));
}

}  // namespace

std::string_view safetensors_dtype_name(DType dtype) {
  for (const DTypeName& known : kDTypes) {
    if (known.dtype == dtype) return known.name;
  }
  EF_CHECK(false, "no safetensors name for " + std::string(to_string(dtype)));
}

Result<SafetensorsHeader> parse_safetensors_header(std::string_view text, const std::string& origin,
                                                   uint64_t data_bytes) {
  if (text.empty() || text.front() != '{') {
    return fail(ErrorCode::bad_file,
                origin + ": header: expected '{' as its first byte, found " +
                    (text.empty() ? "nothing" : "\"" + printable(text.substr(0, 1)) + "\""));
  }
  try {
    HeaderHandler handler(text, origin);
    if (!json::sax_parse(text.begin(), text.end(), &handler)) return fail(handler.error());
    SafetensorsHeader header = handler.take();
    EF_TRY_STATUS(check_tiling(header.tensors, origin, data_bytes));
    return header;
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::resource_exhausted, origin + ": not enough memory for this header");
  } catch (const std::exception& exception) {
    return fail(ErrorCode::bad_file, origin + ": header: " + printable(exception.what()));
  }
}

}  // namespace edgefusion::formats
