#include "onnx/write_model.h"

#include <google/protobuf/io/coded_stream.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/atomic_file.h"

// The message is written piece by piece: protobuf takes the fields of a message in any order, and a
// length before each nested one, so nothing but the tensor at hand has to be in memory.

namespace edgefusion::onnx {
namespace {

using google::protobuf::io::CodedOutputStream;
using onnx_proto::TensorProto;

constexpr uint32_t kLengthDelimited = 2;  // wire type

size_t varint_size(uint64_t value) { return CodedOutputStream::VarintSize64(value); }

/// Of a nested field: its tag and its length.
std::string field_head(int field, uint64_t length) {
  std::array<uint8_t, 20> bytes;
  uint8_t* end = CodedOutputStream::WriteVarint32ToArray(
      (static_cast<uint32_t>(field) << 3) | kLengthDelimited, bytes.data());
  end = CodedOutputStream::WriteVarint64ToArray(length, end);
  return {bytes.data(), end};
}

uint64_t nested_size(int field, uint64_t length) {
  return varint_size((static_cast<uint64_t>(field) << 3) | kLengthDelimited) + varint_size(length) +
         length;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// The message of a tensor but for its data.
TensorProto header_of(const Initializer& initializer) {
  TensorProto header;
  header.set_name(initializer.name);
  header.set_data_type(data_type_of(initializer.dtype));
  for (const int64_t extent : initializer.dims) header.add_dims(extent);
  return header;
}

Result<Tensor> data_of(const Initializer& initializer, const WriteOptions& options) {
  if (options.cancel != nullptr && options.cancel->load()) {
    return fail(ErrorCode::cancelled, "cancelled");
  }
  auto made = initializer.make();
  if (!made) return fail(std::move(made).error().with_context(initializer.name));
  EF_CHECK(made->view().bytes() == initializer.bytes(), initializer.name + ": another size");
  return made;
}

void add_entry(TensorProto& header, const std::string& key, const std::string& value) {
  auto& entry = *header.add_external_data();
  entry.set_key(key);
  entry.set_value(value);
}

/// A file of tensors, each at a page of its own.
class DataFile {
 public:
  static Result<DataFile> create(const std::filesystem::path& path, const WriteOptions& options) {
    EF_TRY(AtomicFile file, AtomicFile::create(path));
    return DataFile(std::move(file), path.filename().string(), options);
  }

  /// Appends the tensor and says in the header where it lies.
  Status append(const Initializer& initializer, TensorProto& header) {
    const size_t gap = (kExternalAlignment - written_ % kExternalAlignment) % kExternalAlignment;
    const std::vector<std::byte> zeros(gap);
    EF_TRY_STATUS(file_.write(zeros));
    EF_TRY(const Tensor data, data_of(initializer, options_));
    const ConstTensorView view = data.view();
    EF_TRY_STATUS(file_.write({view.data, view.bytes()}));
    header.set_data_location(TensorProto::EXTERNAL);
    add_entry(header, "location", name_);
    add_entry(header, "offset", std::to_string(written_ + gap));
    add_entry(header, "length", std::to_string(view.bytes()));
    written_ += gap + view.bytes();
    return {};
  }

  Status commit() { return file_.commit(); }

 private:
  DataFile(AtomicFile file, std::string name, const WriteOptions& options)
      : file_(std::move(file)), name_(std::move(name)), options_(options) {}

  AtomicFile file_;
  std::string name_;
  WriteOptions options_;
  size_t written_ = 0;
};

/// A tensor of the model file: what is known of it before its data, and whether that follows.
struct Entry {
  const Initializer* initializer = nullptr;
  std::string header;
  bool is_inline = true;

  uint64_t size() const {
    if (!is_inline) return header.size();
    return header.size() + nested_size(TensorProto::kRawDataFieldNumber, initializer->bytes());
  }
};

Result<std::vector<Entry>> make_entries(const Draft& draft, const std::filesystem::path& data_path,
                                        const WriteOptions& options) {
  std::vector<Entry> entries;
  std::optional<DataFile> data;
  if (options.external_data) {
    EF_TRY(DataFile created, DataFile::create(data_path, options));
    data.emplace(std::move(created));
  }
  for (const Initializer& initializer : draft.initializers()) {
    Entry entry{&initializer, {}, true};
    TensorProto header = header_of(initializer);
    if (data && initializer.bytes() >= kLeastExternalBytes) {
      EF_TRY_STATUS(data->append(initializer, header));
      entry.is_inline = false;
    }
    entry.header = header.SerializeAsString();
    entries.push_back(std::move(entry));
  }
  if (data) EF_TRY_STATUS(data->commit());
  return entries;
}

Status write_entry(AtomicFile& file, const Entry& entry, const WriteOptions& options) {
  const std::string head =
      field_head(onnx_proto::GraphProto::kInitializerFieldNumber, entry.size());
  EF_TRY_STATUS(file.write(bytes_of(head)));
  EF_TRY_STATUS(file.write(bytes_of(entry.header)));
  if (!entry.is_inline) return {};
  EF_TRY(const Tensor data, data_of(*entry.initializer, options));
  const ConstTensorView view = data.view();
  const std::string raw_head = field_head(TensorProto::kRawDataFieldNumber, view.bytes());
  EF_TRY_STATUS(file.write(bytes_of(raw_head)));
  return file.write({view.data, view.bytes()});
}

size_t bytes_of_tensors(const Draft& draft) {
  size_t total = 0;
  for (const Initializer& initializer : draft.initializers()) total += initializer.bytes();
  return total;
}

}  // namespace

Status write_model(const Draft& draft, const std::filesystem::path& path,
                   const WriteOptions& given) {
  WriteOptions options = given;
  if (bytes_of_tensors(draft) > kMostInlineBytes) options.external_data = true;
  EF_TRY(const std::vector<Entry> entries, make_entries(draft, path.string() + ".data", options));
  onnx_proto::ModelProto model = draft.model();
  const std::string graph = model.graph().SerializeAsString();
  model.clear_graph();
  uint64_t graph_size = graph.size();
  for (const Entry& entry : entries) {
    graph_size += nested_size(onnx_proto::GraphProto::kInitializerFieldNumber, entry.size());
  }
  EF_TRY(AtomicFile file, AtomicFile::create(path));
  const std::string head = model.SerializeAsString() +
                           field_head(onnx_proto::ModelProto::kGraphFieldNumber, graph_size) +
                           graph;
  EF_TRY_STATUS(file.write(bytes_of(head)));
  for (const Entry& entry : entries) EF_TRY_STATUS(write_entry(file, entry, options));
  return file.commit();
}

}  // namespace edgefusion::onnx
