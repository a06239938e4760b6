#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"

namespace edgefusion::graph {

class GraphBuilder;

/// A place in the weight file: "down_blocks.0.resnets.0". `scope / "conv1"` goes one level in.
class WeightScope {
 public:
  explicit WeightScope(std::string path = {}) : path_(std::move(path)) {}
  WeightScope operator/(std::string_view name) const;
  WeightScope operator/(int index) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct ConvOptions {
  int kernel = 3;
  int stride = 1;
  int padding = 1;  ///< on all sides
  bool bias = true;
  bool pad_bottom_right_only = false;  ///< AutoencoderKL's downsampler: 0 top/left, 1 bottom/right
};

struct AttentionInputs {
  ValueId q = kNoValue, k = kNoValue, v = kNoValue;
  ValueId key_mask = kNoValue;  ///< optional
};

/// Networks call this to write down a graph. Nothing is computed here and no call fails: what is
/// wrong (missing or misshapen weights, shapes that do not fit) is collected, and finish() tells
/// all. A value whose shape could not be inferred gets a guessed shape of the rank its op always
/// has, so that networks may go on asking for extents; what only follows from a guess is not told.
///
/// Names: ops with weights are named after their module. The others after the module their operand
/// comes from and the op: "down_blocks.0.resnets.0.conv2:add"; name() gives a better one.
class GraphBuilder {
 public:
  /// `weights` gives names, shapes and origin to check against; nullptr builds from shapes alone
  /// (planner, bench, training from scratch).
  GraphBuilder(std::string name, const TensorSource* weights);

  ValueId input(std::string_view name, Shape shape, DType dtype = DType::f32);
  /// Makes x an output and renames it; an input, a weight or an earlier output is copied first.
  /// Output names are the network's own: one that is taken is a bug.
  void output(std::string_view name, ValueId x);

  /// The tensor at scope.path() with this shape. The same path gives the same value. The file may
  /// store it as f32, f16 or bf16, and with more or fewer 1s at the end of the shape ([O,I,1,1]
  /// for [O,I]); the graph's value is f32.
  ValueId weight(const WeightScope& scope, Shape shape);
  /// Whether the file has scope.path(); false when built without weights.
  bool has_weight(const WeightScope& scope) const;
  /// Shape in the file, or nothing.
  const Shape* weight_shape(const WeightScope& scope) const;
  ValueId constant(std::string_view name, Tensor data);

  // Ops with weights: the scope is the module ("conv1"), its tensors are "weight" and "bias";
  // the value is named after the module.
  ValueId conv2d(ValueId x, const WeightScope& w, int64_t out_channels, ConvOptions options = {});
  ValueId linear(ValueId x, const WeightScope& w, int64_t out_features, bool bias = true);
  ValueId group_norm(ValueId x, const WeightScope& w, int groups, float eps);
  ValueId layer_norm(ValueId x, const WeightScope& w, float eps);
  ValueId embedding(ValueId ids, const WeightScope& w, int64_t rows, int64_t width);

  ValueId attention(AttentionInputs inputs, AttentionAttrs attrs);
  ValueId activation(ValueId x, Activation kind);
  ValueId silu(ValueId x) { return activation(x, Activation::silu); }
  ValueId geglu(ValueId x);
  ValueId add(ValueId a, ValueId b);
  ValueId mul(ValueId a, ValueId b);
  ValueId affine(ValueId x, float scale, float shift);
  ValueId concat(std::vector<ValueId> parts);
  /// [begin, end) of an axis; negative axes count from the back.
  ValueId slice(ValueId x, int axis, int64_t begin, int64_t end);
  ValueId reshape(ValueId x, Shape shape);
  ValueId resize_nearest(ValueId x, int64_t height, int64_t width);
  ValueId timestep_embedding(ValueId t, TimestepEmbeddingAttrs attrs);
  ValueId token_mask(ValueId ids, int32_t padding_id);
  ValueId select_token(ValueId x, ValueId ids, SelectTokenAttrs attrs);

  const Shape& shape(ValueId x) const { return graph_.value(x).shape; }
  /// Names a value after a module whose output it is (taps, reports). The last name given counts,
  /// earlier ones stay as aliases; inputs, weights and constants keep theirs. Returns x.
  ValueId name(ValueId x, const WeightScope& scope);
  /// A complaint of the network itself (e.g. a size that does not divide).
  void complain(std::string text);

  /// The graph, or one Error (bad_file, one line) that lists every complaint, the first 20 in
  /// words: missing tensors, wrong shapes ("conv_in.weight: shape [320,9,3,3], expected
  /// [320,4,3,3]"), and tensors of the file that no call asked for, except those whose name starts
  /// with one of `ignored_prefixes`. The builder is empty afterwards.
  Result<Graph> finish(const std::vector<std::string>& ignored_prefixes = {});

 private:
  ValueId add_node(OpKind op, Attrs attrs, std::vector<ValueId> inputs, std::string name = {});
  ValueId add_source(OpKind op, Attrs attrs, Value value);
  std::string unique_name(const std::string& wanted);
  std::string derived_name(OpKind op, const std::vector<ValueId>& inputs) const;
  Value infer_or_guess(OpKind op, const Attrs& attrs, const std::vector<ValueId>& inputs,
                       const std::string& name);
  void rename(ValueId x, std::string name);
  ValueId matrix_bias(const WeightScope& w, int64_t out_features, bool present);
  void check_weight(const std::string& path, const Shape& shape);
  void complain_of_unused(const std::vector<std::string>& ignored_prefixes);

  Graph graph_;
  const TensorSource* weights_;
  std::map<std::string, ValueId, std::less<>> weight_values_;
  std::set<std::string, std::less<>> names_;
  std::set<ValueId> guessed_;  // values whose shape a failed rule left open
  std::vector<std::string> complaints_;
};

}  // namespace edgefusion::graph
