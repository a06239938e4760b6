#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "onnx/export_graph.h"

namespace edgefusion::onnx {

/// [N,H,W,C] -> [N,C,H,W]; other ranks stay.
Shape file_shape(const Shape& shape);
/// Where an axis of a value lies in the file.
int file_axis(const Shape& shape, int axis);
/// Axis of the channels in the file: 1 of pictures, else the last.
int channel_axis(const Shape& shape);
std::vector<int64_t> dims_of(const Shape& shape);

/// A weight as it lies in the file; `layout`: in which order, empty: as the graph has it.
struct FileWeight {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> dims;
  std::string layout;

  auto operator<=>(const FileWeight&) const = default;
};

/// What exporters of ops (op_exporters.h) write to: the draft, the names of operands, and the
/// constants and conversions several of them need. All names are those of values in the file.
class Exporter {
 public:
  Exporter(const graph::Graph& graph, const TensorSource& weights, const ExportOptions& options);

  Result<Draft> run() &&;

  const graph::Graph& graph() const { return graph_; }
  const TensorSource& weights() const { return weights_; }
  const graph::NetworkQuantization* quantization() const { return options_.quantization; }
  const Shape& shape(graph::ValueId id) const { return graph_.value(id).shape; }
  /// Of floats in the file.
  DType float_type() const { return options_.type; }

  /// The value in the file's layout, floats as float_type().
  std::string operand(graph::ValueId id);
  /// The same elements in the same order under other extents, of the file.
  std::string operand_as(graph::ValueId id, const std::vector<int64_t>& dims);
  /// The value as the graph lays it out: channels last also if it has four axes.
  std::string channels_last(graph::ValueId id);
  /// Two sources joined along their channels, once for all who read both.
  std::string joined(graph::ValueId x, graph::ValueId x2);

  /// A node; its output is named after the value that is being made.
  std::string emit(const std::string& op_type, const std::vector<std::string>& inputs,
                   const Attributes& attributes = {});
  /// The same, named after a value that is not the one that is being made.
  std::string emit_for(const std::string& name, const std::string& op_type,
                       const std::vector<std::string>& inputs, const Attributes& attributes = {});
  std::string reshape(const std::string& x, const std::vector<int64_t>& dims);
  std::string transpose(const std::string& x, const std::vector<int64_t>& permutation);
  /// [begin, end) of an axis.
  std::string slice(const std::string& x, int64_t axis, int64_t begin, int64_t end);
  std::string cast(const std::string& x, DType to);
  /// Between a layout of channels last and that of the file.
  std::string to_file_layout(const std::string& x, int rank);

  /// Constants; equal ones are one initializer.
  std::string number(float value);
  std::string numbers(const std::vector<float>& values, const std::vector<int64_t>& dims);
  std::string numbers_f32(const std::vector<float>& values, const std::vector<int64_t>& dims);
  std::string integers(const std::vector<int64_t>& values, const std::vector<int64_t>& dims);
  std::string integers_i32(int32_t value);
  /// Scale and zero point of QuantizeLinear and DequantizeLinear: NAME_scale and NAME_zero_point.
  struct Steps {
    std::string scale, zero_point;
  };
  Steps steps(const std::string& name, const std::vector<float>& scales, int64_t count, DType dtype,
              int zero_point);
  /// Data of the weight file, named as there, once for each type, layout and extents it has.
  std::string weight(const FileWeight& weight, TensorMaker make);

  /// QuantizeLinear and DequantizeLinear of a whole tensor, once for all who read it so.
  std::string quantized(const std::string& x, float scale, int zero_point);

 private:
  std::string external_name(graph::ValueId id) const;
  void add_inputs();
  void name_value(graph::ValueId id, const std::string& made);
  void add_outputs();
  std::string source(graph::ValueId id, const std::vector<int64_t>& dims, bool to_picture);
  std::string small(const std::string& kind, DType dtype, const std::vector<int64_t>& dims,
                    const Tensor& data);

  const graph::Graph& graph_;
  const TensorSource& weights_;
  const ExportOptions& options_;
  Draft draft_;
  std::string making_;              ///< name of the value that is being made
  std::vector<std::string> names_;  ///< by value; empty: not made yet, or a source
  std::map<std::string, std::string> constants_;
  std::map<FileWeight, std::string> placed_weights_;
  std::map<std::pair<graph::ValueId, graph::ValueId>, std::string> joined_;
  std::map<std::tuple<std::string, float, int>, std::string> quantized_;
  std::map<graph::ValueId, std::string> channels_last_;
  std::set<std::string> shared_;  ///< outputs of nodes that later values may read too
};

}  // namespace edgefusion::onnx
