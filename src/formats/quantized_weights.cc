#include "formats/quantized_weights.h"

#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "core/json.h"

namespace edgefusion::formats {
namespace {

constexpr int64_t kMostRank = 4, kMostExtent = int64_t{1} << 32;

/// A tensor with the numbers that its view points to.
struct Entry {
  QuantizedTensor tensor;
  ConstTensorView view;  ///< shape alone
  std::vector<float> scales, palettes;
};

class QuantizedWeights : public TensorSource {
 public:
  QuantizedWeights(std::shared_ptr<const TensorSource> stored,
                   std::map<std::string, Entry, std::less<>> entries)
      : stored_(std::move(stored)), entries_(std::move(entries)) {}

  const ConstTensorView* find(std::string_view name) const override {
    const auto entry = entries_.find(name);
    return entry == entries_.end() ? stored_->find(name) : &entry->second.view;
  }
  const QuantizedTensor* quantized(std::string_view name) const override {
    const auto entry = entries_.find(name);
    return entry == entries_.end() ? nullptr : &entry->second.tensor;
  }
  std::vector<std::string> names() const override { return stored_->names(); }
  std::string origin() const override { return stored_->origin(); }
  std::vector<std::string> files() const override { return stored_->files(); }
  void release(std::string_view name) const override { stored_->release(name); }

 private:
  std::shared_ptr<const TensorSource> stored_;
  std::map<std::string, Entry, std::less<>> entries_;
};

/// Reads what belongs to one tensor; complaints name it.
class EntryReader {
 public:
  EntryReader(const Bundle& bundle, const TensorSource& stored, std::string role, std::string name)
      : bundle_(bundle), stored_(stored), role_(std::move(role)), name_(std::move(name)) {}

  Result<Entry> read(const nlohmann::json& json) {
    ConfigReader reader(json, place());
    EF_TRY_STATUS(read_shape(reader));
    auto code = parse_weight_code(reader.string("code"));
    EF_TRY_STATUS(reader.status());
    if (!code) return fail(std::move(code).error().with_context(place()));
    entry_.tensor.code = *code;
    entry_.tensor.group = reader.integer("group", 0, {0, kMostExtent});
    entry_.tensor.rows_per_palette = reader.integer("rows_per_palette", 0, {0, kMostExtent});
    entry_.tensor.hadamard = static_cast<int>(reader.integer("hadamard", 0, {0, 1 << 20}));
    const std::string layer = reader.string("layer", "");
    EF_TRY_STATUS(reader.status());
    EF_TRY_STATUS(read_codes());
    EF_TRY_STATUS(read_numbers(layer));
    return std::move(entry_);
  }

 private:
  std::string place() const { return stored_.origin() + printable(name_); }

  tl::unexpected<Error> wrong(const std::string& what) const {
    return fail(ErrorCode::bad_file, place() + ": " + what);
  }

  Status read_shape(ConfigReader& reader) {
    const auto extents = reader.int_list("shape", IntRange{1, kMostExtent});
    EF_TRY_STATUS(reader.status());
    if (extents.size() != 2 && extents.size() != kMostRank) {
      return wrong("shape of " + std::to_string(extents.size()) + " axes, expected 2 or 4");
    }
    double elements = 1;
    for (const int64_t extent : extents) elements *= static_cast<double>(extent);
    if (elements > static_cast<double>(kMostExtent)) return wrong("shape too large");
    entry_.tensor.shape = Shape(std::span<const int64_t>(extents));
    entry_.view = {nullptr, entry_.tensor.shape, DType::f32};
    return {};
  }

  Status read_codes() {
    const ConstTensorView* codes = stored_.find(name_);
    if (codes == nullptr) return wrong("missing");
    const size_t expected = code_bytes(entry_.tensor.code, entry_.tensor.shape);
    const DType type = entry_.tensor.code == WeightCode::s8 ? DType::i8 : DType::u8;
    if (codes->dtype != type || codes->bytes() != expected) {
      return wrong(std::string(to_string(codes->dtype)) + " of " + std::to_string(codes->bytes()) +
                   " bytes, expected " + std::string(to_string(type)) + " of " +
                   std::to_string(expected));
    }
    entry_.tensor.codes = codes->data;
    entry_.tensor.code_bytes = expected;
    return {};
  }

  Result<std::vector<float>> numbers(const std::string& of, const char* what, int64_t expected) {
    EF_TRY(std::vector<float> values, quantized_numbers(bundle_, role_ + "/" + of + "." + what));
    if (static_cast<int64_t>(values.size()) == expected) return values;
    return wrong(std::string(what) + " of " + std::to_string(values.size()) +
                 " numbers, expected " + std::to_string(expected));
  }

  Status read_numbers(const std::string& layer) {
    QuantizedTensor& t = entry_.tensor;
    const int64_t depth = t.inputs() * t.taps();
    if (t.code == WeightCode::s8) {
      EF_TRY(entry_.scales, numbers(name_, "scale", t.outputs()));
    } else if (t.code == WeightCode::s4) {
      if (t.group < 1) return wrong("group 0, expected 1 or more");
      EF_TRY(entry_.scales,
             numbers(name_, "scale", t.outputs() * ((depth + t.group - 1) / t.group)));
    } else {
      if (t.rows_per_palette < 1) return wrong("rows_per_palette 0, expected 1 or more");
      const int64_t count = (t.outputs() + t.rows_per_palette - 1) / t.rows_per_palette;
      EF_TRY(entry_.palettes, numbers(name_, "palette", count << bits_of(t.code)));
    }
    if (t.hadamard > 1 && ((t.hadamard & (t.hadamard - 1)) != 0 || depth % t.hadamard != 0)) {
      return wrong("hadamard " + std::to_string(t.hadamard) +
                   ", expected a power of two that divides " + std::to_string(depth));
    }
    if (layer.empty()) return {};
    EF_TRY(t.input_scale, quantized_numbers(bundle_, role_ + "/" + layer + ".input_scale"));
    const auto count = static_cast<int64_t>(t.input_scale.size());
    if (count == 0) return wrong("layer " + printable(layer) + ": input_scale: missing");
    for (const float scale : t.input_scale) {
      if (scale > 0) continue;  // weights are divided by it
      return wrong("input_scale " + std::to_string(scale) + ", expected a positive number");
    }
    if (count == 1 || count == t.inputs()) return {};
    return wrong("input_scale of " + std::to_string(count) + " numbers, expected " +
                 std::to_string(t.inputs()));
  }

  const Bundle& bundle_;
  const TensorSource& stored_;
  std::string role_, name_;
  Entry entry_;
};

}  // namespace

Result<std::vector<float>> quantized_numbers(const Bundle& bundle, const std::string& name) {
  const std::string full = std::string(kBundleQuantized) + name;
  const ConstTensorView* tensor = bundle.tensor(full);
  if (tensor == nullptr) return std::vector<float>();
  if (tensor->dtype != DType::f32) {
    return fail(ErrorCode::bad_file, bundle.origin() + ": " + printable(full) + ": " +
                                         std::string(to_string(tensor->dtype)) + ", expected f32");
  }
  std::vector<float> values(static_cast<size_t>(tensor->shape.elements()));
  std::memcpy(values.data(), tensor->data, tensor->bytes());
  for (const float value : values) {
    if (std::isfinite(value)) continue;
    return fail(ErrorCode::bad_file,
                bundle.origin() + ": " + printable(full) + ": a number that is not finite");
  }
  return values;
}

Result<std::shared_ptr<const TensorSource>> open_quantized_weights(
    std::shared_ptr<const Bundle> bundle, const std::string& role, const nlohmann::json& tensors) {
  const std::shared_ptr<const TensorSource> stored = bundle->weights(role);
  if (!tensors.is_object()) {
    return fail(ErrorCode::bad_file,
                stored->origin() + ": tensors: expected an object, found " + describe(tensors));
  }
  std::map<std::string, Entry, std::less<>> entries;
  for (const auto& [name, json] : tensors.items()) {
    EF_TRY(Entry entry, EntryReader(*bundle, *stored, role, name).read(json));
    entries.emplace(name, std::move(entry));
  }
  for (auto& [name, entry] : entries) {  // where they stay
    entry.tensor.scales = entry.scales.empty() ? nullptr : entry.scales.data();
    entry.tensor.palettes = entry.palettes.empty() ? nullptr : entry.palettes.data();
  }
  return std::make_shared<const QuantizedWeights>(stored, std::move(entries));
}

}  // namespace edgefusion::formats
