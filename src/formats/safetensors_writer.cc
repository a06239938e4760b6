#include "formats/safetensors_writer.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/atomic_file.h"
#include "core/json.h"
#include "formats/safetensors_header.h"

namespace edgefusion::formats {
namespace {

// Element types from small to large; within one size the order of the reference writer, so that
// files come out byte for byte alike.
constexpr std::array kWriteOrder = {DType::boolean, DType::u8,   DType::i8,  DType::i16, DType::u16,
                                    DType::f16,     DType::bf16, DType::i32, DType::u32, DType::f32,
                                    DType::f64,     DType::i64,  DType::u64};

constexpr size_t kLengthBytes = 8;  // of the header, before it

auto rank_of(DType dtype) { return std::ranges::find(kWriteOrder, dtype) - kWriteOrder.begin(); }

Result<std::string> header_of(const std::vector<TensorRecord>& records,
                              const std::map<std::string, std::string>& metadata,
                              size_t alignment) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::string text;
  uint64_t offset = 0;
  try {
    // ordered_json looks names up one by one; a text of our own keeps thousands of them linear.
    text = header.dump();
    text.pop_back();
    for (const TensorRecord& record : records) {
      const auto elements = static_cast<uint64_t>(record.shape.elements());
      const uint64_t end = offset + elements * size_of(record.dtype);
      if (text.size() > 1) text += ',';
      text += nlohmann::json(record.name).dump() + ":{\"dtype\":\"";
      text.append(safetensors_dtype_name(record.dtype)).append("\",\"shape\":");
      text += record.shape.to_string() + ",\"data_offsets\":[" + std::to_string(offset) + "," +
              std::to_string(end) + "]}";
      offset = end;
    }
  } catch (const nlohmann::json::exception& exception) {
    return fail(ErrorCode::invalid_argument,
                "names and metadata must be UTF-8: " + printable(exception.what()));
  }
  text += '}';
  const size_t begin = kLengthBytes + text.size();
  text.append((alignment - begin % alignment) % alignment, ' ');
  return text;
}

/// The order of the file.
void sort_records(std::vector<TensorRecord>& records) {
  std::ranges::sort(records, [](const TensorRecord& a, const TensorRecord& b) {
    const auto rank_a = rank_of(a.dtype);
    const auto rank_b = rank_of(b.dtype);
    return rank_a != rank_b ? rank_a > rank_b : a.name < b.name;
  });
}

Status check_names(const std::vector<TensorRecord>& records) {
  std::vector<std::string_view> names;
  for (const TensorRecord& record : records) names.push_back(record.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) {
    return fail(ErrorCode::invalid_argument,
                "tensor " + printable(*twice) + ": expected once, found twice");
  }
  if (std::ranges::binary_search(names, "__metadata__")) {
    return fail(ErrorCode::invalid_argument, "tensor __metadata__: the format reserves this name");
  }
  return {};
}

Status write_all(AtomicFile& file, const std::vector<TensorRecord>& records,
                 const std::string& header, const TensorProducer& produce) {
  std::array<std::byte, kLengthBytes> length;
  for (size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<std::byte>(uint64_t{header.size()} >> (8 * i));
  }
  EF_TRY_STATUS(file.write(length));
  EF_TRY_STATUS(file.write(std::as_bytes(std::span(header))));
  for (const TensorRecord& record : records) {
    EF_TRY(const ConstTensorView view, produce(record));
    EF_CHECK(view.dtype == record.dtype && view.shape == record.shape,
             record.name + ": announced as " + record.shape.to_string() + ", given as " +
                 view.shape.to_string());
    EF_TRY_STATUS(file.write({view.data, view.bytes()}));
  }
  return file.commit();
}

}  // namespace

Result<int64_t> safetensors_bytes(const std::vector<TensorRecord>& records,
                                  const std::map<std::string, std::string>& metadata,
                                  size_t alignment) {
  EF_TRY_STATUS(check_names(records));
  std::vector<TensorRecord> sorted = records;
  sort_records(sorted);
  EF_TRY(const std::string header, header_of(sorted, metadata, alignment));
  auto bytes = static_cast<int64_t>(kLengthBytes + header.size());
  for (const TensorRecord& record : records) {
    bytes += record.shape.elements() * static_cast<int64_t>(size_of(record.dtype));
  }
  return bytes;
}

Status write_safetensors(const std::filesystem::path& path, std::vector<TensorRecord> records,
                         const std::map<std::string, std::string>& metadata,
                         const TensorProducer& produce, size_t alignment) {
  sort_records(records);
  const auto with_path = [&](Error error) { return std::move(error).with_context(path.string()); };
  EF_TRY_STATUS(check_names(records).map_error(with_path));
  EF_TRY(const std::string header, header_of(records, metadata, alignment).map_error(with_path));
  EF_TRY(AtomicFile file, AtomicFile::create(path));
  return write_all(file, records, header, produce);
}

Status write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::vector<TensorRecord> records;
  std::map<std::string_view, ConstTensorView> views;
  for (const NamedTensor& named : tensors) {
    records.push_back({named.name, named.tensor.dtype, named.tensor.shape});
    views.emplace(named.name, named.tensor);
  }
  return write_safetensors(
      path, std::move(records), metadata,
      [&](const TensorRecord& record) -> Result<ConstTensorView> { return views.at(record.name); });
}

}  // namespace edgefusion::formats
