#include "onnx/draft.h"

namespace edgefusion::onnx {
namespace {

using onnx_proto::AttributeProto;
using onnx_proto::TensorProto;

void set_value(AttributeProto& attribute, int64_t value) {
  attribute.set_type(AttributeProto::INT);
  attribute.set_i(value);
}

void set_value(AttributeProto& attribute, float value) {
  attribute.set_type(AttributeProto::FLOAT);
  attribute.set_f(value);
}

void set_value(AttributeProto& attribute, const std::string& value) {
  attribute.set_type(AttributeProto::STRING);
  attribute.set_s(value);
}

void set_value(AttributeProto& attribute, const std::vector<int64_t>& value) {
  attribute.set_type(AttributeProto::INTS);
  for (const int64_t i : value) attribute.add_ints(i);
}

void describe(onnx_proto::ValueInfoProto& info, const std::string& name, DType dtype,
              std::span<const int64_t> dims) {
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(data_type_of(dtype));
  auto& shape = *type.mutable_shape();
  for (const int64_t extent : dims) shape.add_dim()->set_dim_value(extent);
}

}  // namespace

int32_t data_type_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return TensorProto::FLOAT;
    case DType::f16:
      return TensorProto::FLOAT16;
    case DType::bf16:
      return TensorProto::BFLOAT16;
    case DType::i64:
      return TensorProto::INT64;
    case DType::i32:
      return TensorProto::INT32;
    case DType::u8:
      return TensorProto::UINT8;
    case DType::i8:
      return TensorProto::INT8;
    case DType::f64:
      return TensorProto::DOUBLE;
    case DType::i16:
      return TensorProto::INT16;
    case DType::u16:
      return TensorProto::UINT16;
    case DType::u32:
      return TensorProto::UINT32;
    case DType::u64:
      return TensorProto::UINT64;
    case DType::boolean:
      return TensorProto::BOOL;
  }
  return TensorProto::UNDEFINED;
}

size_t Initializer::bytes() const {
  size_t count = size_of(dtype);
  for (const int64_t extent : dims) count *= static_cast<size_t>(extent);
  return count;
}

Draft::Draft(const std::string& graph_name) {
  model_.set_ir_version(kIrVersion);
  model_.set_producer_name("edgefusion");
  model_.add_opset_import()->set_version(kOpset);
  model_.mutable_graph()->set_name(graph_name);
}

std::string Draft::unique_name(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; !names_.insert(name).second; ++i) name = wanted + ":" + std::to_string(i);
  return name;
}

void Draft::add_input(const std::string& name, DType dtype, std::span<const int64_t> dims) {
  describe(*model_.mutable_graph()->add_input(), name, dtype, dims);
}

void Draft::add_output(const std::string& name, DType dtype, std::span<const int64_t> dims) {
  describe(*model_.mutable_graph()->add_output(), name, dtype, dims);
}

void Draft::add_value_info(const std::string& name, DType dtype, std::span<const int64_t> dims) {
  describe(*model_.mutable_graph()->add_value_info(), name, dtype, dims);
}

std::string Draft::add_node(const std::string& op_type, const std::vector<std::string>& inputs,
                            const Attributes& attributes, const std::string& wanted_name) {
  const std::string name = unique_name(wanted_name);
  auto& node = *model_.mutable_graph()->add_node();
  node.set_op_type(op_type);
  node.set_name(name);
  node.add_output(name);
  for (const std::string& input : inputs) node.add_input(input);
  for (const Attribute& attribute : attributes) {
    AttributeProto& made = *node.add_attribute();
    made.set_name(attribute.name);
    std::visit([&](const auto& value) { set_value(made, value); }, attribute.value);
  }
  return name;
}

bool Draft::rename_last_output(const std::string& name, const std::string& wanted_name) {
  auto& nodes = *model_.mutable_graph()->mutable_node();
  if (nodes.empty() || nodes.rbegin()->output(0) != name) return false;
  names_.erase(name);
  names_.insert(wanted_name);
  nodes.rbegin()->set_name(wanted_name);
  nodes.rbegin()->set_output(0, wanted_name);
  return true;
}

std::string Draft::add_initializer(const std::string& wanted_name, DType dtype,
                                   std::vector<int64_t> dims, TensorMaker make) {
  initializers_.push_back({unique_name(wanted_name), dtype, std::move(dims), std::move(make)});
  return initializers_.back().name;
}

}  // namespace edgefusion::onnx
