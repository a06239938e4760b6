#include "onnx/exporter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/content_hash.h"
#include "onnx/file_tensors.h"
#include "onnx/op_exporters.h"

namespace edgefusion::onnx {
namespace {

using graph::Node;
using graph::OpKind;
using graph::ValueId;

bool is_source(OpKind op) { return op == OpKind::weight || op == OpKind::constant; }

std::string number_text(float value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end.ptr};
}

template <typename T>
Tensor tensor_of(const std::vector<T>& values, DType dtype) {
  Tensor tensor(Shape{static_cast<int64_t>(values.size())}, dtype);
  std::ranges::copy(values, tensor.values<T>().begin());
  return tensor;
}

}  // namespace

Shape file_shape(const Shape& shape) {
  if (shape.rank() != 4) return shape;
  return {shape[0], shape[3], shape[1], shape[2]};
}

int file_axis(const Shape& shape, int axis) {
  constexpr std::array<int, 4> kPicture = {0, 2, 3, 1};
  return shape.rank() == 4 ? kPicture[static_cast<size_t>(axis)] : axis;
}

int channel_axis(const Shape& shape) { return file_axis(shape, shape.rank() - 1); }

std::vector<int64_t> dims_of(const Shape& shape) {
  return {shape.extents().begin(), shape.extents().end()};
}

Exporter::Exporter(const graph::Graph& graph, const TensorSource& weights,
                   const ExportOptions& options)
    : graph_(graph),
      weights_(weights),
      options_(options),
      draft_(graph.name()),
      names_(graph.values().size()) {}

Result<Draft> Exporter::run() && {
  // Names of the graph come first: what is emitted on the way makes room for them.
  for (const Node& node : graph_.nodes()) {
    if (is_source(node.op)) continue;
    const std::string name = external_name(node.output);
    if (draft_.unique_name(name) != name) {
      return fail(ErrorCode::invalid_argument,
                  graph_.name() + ": two values would be called " + name);
    }
  }
  add_inputs();
  for (const Node& node : graph_.nodes()) {
    if (node.op == OpKind::input || is_source(node.op)) continue;
    making_ = external_name(node.output);
    name_value(node.output, op_exporters()[static_cast<size_t>(node.op)].emit(*this, node));
  }
  add_outputs();
  return std::move(draft_);
}

std::string Exporter::external_name(ValueId id) const {
  const std::string& name = graph_.value(id).name;
  const bool is_input = graph_.producer(id).op == OpKind::input;
  const auto found = options_.names.find(name);
  return found != options_.names.end() && (is_input || graph_.is_output(id)) ? found->second : name;
}

void Exporter::add_inputs() {
  for (const ValueId id : graph_.inputs()) {
    const graph::Value& value = graph_.value(id);
    std::string name = external_name(id);
    const DType type = value.dtype == DType::i32 ? DType::i32 : DType::f32;
    const std::vector<int64_t> dims = dims_of(file_shape(value.shape));
    std::vector<int64_t> given = dims;
    if (options_.shared_inputs.contains(value.name)) given[0] = 1;
    draft_.add_input(name, type, given);
    making_ = name;
    if (given != dims) {
      name = emit("Expand", {name, integers(dims, {static_cast<int64_t>(dims.size())})});
    }
    if (type == DType::f32 && float_type() != DType::f32) name = cast(name, float_type());
    names_[static_cast<size_t>(id)] = name;
  }
}

void Exporter::add_outputs() {
  for (const ValueId id : graph_.outputs()) {
    making_ = external_name(id);
    const bool is_cast = float_type() != DType::f32 && graph_.value(id).dtype != DType::i32;
    const std::string name = operand(id);
    // An output that is an input, a weight or another value's double has a node of its own.
    if (is_cast || name != making_) {
      const std::string made = is_cast ? cast(name, DType::f32) : emit("Identity", {name});
      draft_.rename_last_output(made, making_);
    }
    const DType type = graph_.value(id).dtype == DType::i32 ? DType::i32 : DType::f32;
    draft_.add_output(making_, type, dims_of(file_shape(shape(id))));
  }
}

void Exporter::name_value(ValueId id, const std::string& made) {
  std::string& name = names_[static_cast<size_t>(id)];
  name = made;
  const bool is_own = made.starts_with(making_ + "/") && !shared_.contains(made);
  const bool keeps_name_free = graph_.is_output(id) && float_type() != DType::f32;
  if (!is_own || keeps_name_free) return;
  if (!draft_.rename_last_output(made, making_)) return;
  name = making_;
  if (graph_.is_output(id)) return;
  const DType type = graph_.value(id).dtype == DType::i32 ? DType::i32 : float_type();
  draft_.add_value_info(name, type, dims_of(file_shape(shape(id))));
}

std::string Exporter::operand(ValueId id) {
  const std::string& name = names_[static_cast<size_t>(id)];
  if (!name.empty()) return name;
  return source(id, dims_of(file_shape(shape(id))), shape(id).rank() == 4);
}

std::string Exporter::operand_as(ValueId id, const std::vector<int64_t>& dims) {
  if (is_source(graph_.producer(id).op) && shape(id).rank() != 4) return source(id, dims, false);
  return reshape(operand(id), dims);
}

std::string Exporter::channels_last(ValueId id) {
  if (shape(id).rank() != 4) return operand(id);
  if (is_source(graph_.producer(id).op)) return source(id, dims_of(shape(id)), false);
  const auto [found, is_new] = channels_last_.try_emplace(id);
  if (is_new) {
    found->second = transpose(operand(id), {0, 2, 3, 1});
    shared_.insert(found->second);
  }
  return found->second;
}

std::string Exporter::joined(ValueId x, ValueId x2) {
  const auto [found, is_new] = joined_.try_emplace({x, x2});
  if (is_new) {
    const int64_t axis = channel_axis(shape(x));
    found->second = emit("Concat", {operand(x), operand(x2)}, {{"axis", axis}});
    shared_.insert(found->second);
  }
  return found->second;
}

std::string Exporter::source(ValueId id, const std::vector<int64_t>& dims, bool to_picture) {
  const Node& node = graph_.producer(id);
  const graph::Value& value = graph_.value(id);
  const DType type = value.dtype == DType::i32 ? DType::i32 : float_type();
  // The graph and the weights outlive the draft; so does what the maker refers to.
  const auto make = [this_weights = &weights_, node, shape = value.shape, type,
                     to_picture]() -> Result<Tensor> {
    Tensor data = node.op == OpKind::weight ? float_weight(node, shape, *this_weights)
                                            : *node.as<graph::ConstantAttrs>().data;
    if (type == DType::i32) return data;
    if (to_picture) data = nhwc_to_nchw(std::as_const(data).view());
    return in_type(std::move(data), type);
  };
  return weight({value.name, type, dims, to_picture ? "picture" : ""}, make);
}

std::string Exporter::weight(const FileWeight& weight, TensorMaker make) {
  const auto [found, is_new] = placed_weights_.try_emplace(weight);
  if (is_new) {
    found->second = draft_.add_initializer(weight.name, weight.dtype, weight.dims, std::move(make));
  }
  return found->second;
}

std::string Exporter::emit(const std::string& op_type, const std::vector<std::string>& inputs,
                           const Attributes& attributes) {
  return draft_.add_node(op_type, inputs, attributes, making_ + "/" + op_type);
}

std::string Exporter::emit_for(const std::string& name, const std::string& op_type,
                               const std::vector<std::string>& inputs,
                               const Attributes& attributes) {
  return draft_.add_node(op_type, inputs, attributes, name + "/" + op_type);
}

std::string Exporter::reshape(const std::string& x, const std::vector<int64_t>& dims) {
  return emit("Reshape", {x, integers(dims, {static_cast<int64_t>(dims.size())})});
}

std::string Exporter::transpose(const std::string& x, const std::vector<int64_t>& permutation) {
  return emit("Transpose", {x}, {{"perm", permutation}});
}

std::string Exporter::slice(const std::string& x, int64_t axis, int64_t begin, int64_t end) {
  return emit("Slice", {x, integers({begin}, {1}), integers({end}, {1}), integers({axis}, {1})});
}

std::string Exporter::cast(const std::string& x, DType to) {
  return emit("Cast", {x}, {{"to", int64_t{data_type_of(to)}}});
}

std::string Exporter::to_file_layout(const std::string& x, int rank) {
  return rank == 4 ? transpose(x, {0, 3, 1, 2}) : x;
}

std::string Exporter::small(const std::string& kind, DType dtype, const std::vector<int64_t>& dims,
                            const Tensor& data) {
  ContentHasher hasher;
  hasher.add_text(to_string(dtype));
  for (const int64_t extent : dims) hasher.add_number(static_cast<uint64_t>(extent));
  hasher.add_number(dims.size());
  hasher.add({data.view().data, data.view().bytes()});
  const auto [found, is_new] = constants_.try_emplace(hasher.result().to_hex());
  if (is_new) {
    found->second =
        draft_.add_initializer(kind, dtype, dims, [data]() -> Result<Tensor> { return data; });
  }
  return found->second;
}

std::string Exporter::number(float value) {
  // Numbers of the exporter's own fit f16, or are cut to its largest.
  const float fitting = float_type() == DType::f16 ? std::clamp(value, -65504.0f, 65504.0f) : value;
  const Tensor tensor = *in_type(tensor_of<float>({fitting}, DType::f32), float_type());
  return small("constant." + number_text(fitting), float_type(), {}, tensor);
}

std::string Exporter::numbers(const std::vector<float>& values, const std::vector<int64_t>& dims) {
  std::vector<float> fitting = values;
  if (float_type() == DType::f16) {
    for (float& value : fitting) value = std::clamp(value, -65504.0f, 65504.0f);
  }
  const Tensor tensor = *in_type(tensor_of(fitting, DType::f32), float_type());
  return small("constant.numbers", float_type(), dims, tensor);
}

std::string Exporter::numbers_f32(const std::vector<float>& values,
                                  const std::vector<int64_t>& dims) {
  return small("constant.numbers", DType::f32, dims, tensor_of(values, DType::f32));
}

std::string Exporter::integers(const std::vector<int64_t>& values,
                               const std::vector<int64_t>& dims) {
  return small("constant.integers", DType::i64, dims, tensor_of(values, DType::i64));
}

std::string Exporter::integers_i32(int32_t value) {
  return small("constant." + std::to_string(value), DType::i32, {},
               tensor_of<int32_t>({value}, DType::i32));
}

Exporter::Steps Exporter::steps(const std::string& name, const std::vector<float>& scales,
                                int64_t count, DType dtype, int zero_point) {
  const std::vector<int64_t> dims = count == 0 ? std::vector<int64_t>{} : std::vector{count};
  const std::vector<uint8_t> zeros(scales.size(), static_cast<uint8_t>(zero_point));
  const auto add = [&](const char* end, DType type, Tensor data) {
    return draft_.add_initializer(name + end, type, dims,
                                  [data]() -> Result<Tensor> { return data; });
  };
  return {add("_scale", DType::f32, tensor_of(scales, DType::f32)),
          add("_zero_point", dtype, tensor_of(zeros, dtype))};
}

std::string Exporter::quantized(const std::string& x, float scale, int zero_point) {
  const auto [found, is_new] = quantized_.try_emplace({x, scale, zero_point});
  if (is_new) {
    const Steps step = steps(x, {scale}, 0, DType::u8, zero_point);
    const std::string codes = emit_for(x, "QuantizeLinear", {x, step.scale, step.zero_point});
    found->second = emit_for(x, "DequantizeLinear", {codes, step.scale, step.zero_point});
  }
  return found->second;
}

Result<Draft> export_graph(const graph::Graph& graph, const TensorSource& weights,
                           const ExportOptions& options) {
  return Exporter(graph, weights, options).run();
}

}  // namespace edgefusion::onnx
