#pragma once

#include <onnx_messages.pb.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/dtype.h"
#include "core/result.h"
#include "core/shape.h"
#include "core/tensor.h"

namespace edgefusion::onnx {

/// Operators of opset 17 (LayerNormalization is its newest we use), files of IR version 8:
/// onnxruntime from 1.12 on and the tool chains of vendors read both.
inline constexpr int64_t kOpset = 17;
inline constexpr int64_t kIrVersion = 8;

struct Attribute {
  std::string name;
  std::variant<int64_t, float, std::string, std::vector<int64_t>> value;
};
using Attributes = std::vector<Attribute>;

/// Makes the data of an initializer when it is written; asked once or more often. Errors: values
/// that do not fit the type.
using TensorMaker = std::function<Result<Tensor>()>;

/// Data of the file that is not in memory yet.
struct Initializer {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> dims;
  TensorMaker make;

  size_t bytes() const;
};

/// An ONNX model being put together: a message without its initializers, and how to make those.
/// Names are unique among all values of the model.
class Draft {
 public:
  explicit Draft(const std::string& graph_name);

  /// `wanted`, or with ":2", ":3", ... if it is taken.
  std::string unique_name(const std::string& wanted);
  bool is_taken(const std::string& name) const { return names_.contains(name); }

  void add_input(const std::string& name, DType dtype, std::span<const int64_t> dims);
  void add_output(const std::string& name, DType dtype, std::span<const int64_t> dims);
  /// Type and extents of an inner value, for readers that infer none.
  void add_value_info(const std::string& name, DType dtype, std::span<const int64_t> dims);

  /// A node of one output, whose name comes back; an empty input is an absent one.
  std::string add_node(const std::string& op_type, const std::vector<std::string>& inputs,
                       const Attributes& attributes, const std::string& wanted_name);
  /// Gives the output of the last node another name, if `name` is that output.
  bool rename_last_output(const std::string& name, const std::string& wanted_name);

  std::string add_initializer(const std::string& wanted_name, DType dtype,
                              std::vector<int64_t> dims, TensorMaker make);

  onnx_proto::ModelProto& model() { return model_; }
  const onnx_proto::ModelProto& model() const { return model_; }
  const std::vector<Initializer>& initializers() const { return initializers_; }

 private:
  onnx_proto::ModelProto model_;
  std::vector<Initializer> initializers_;
  std::set<std::string> names_;
};

/// ONNX's number of an element type.
int32_t data_type_of(DType dtype);

}  // namespace edgefusion::onnx
