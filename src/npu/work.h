#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "graph/graph.h"
#include "npu/box.h"
#include "npu/device.h"

namespace edgefusion::npu {

using TensorId = int32_t;
using OpId = int32_t;
constexpr TensorId kNoTensor = -1;

enum class TensorKind : uint8_t { input, weight, constant, activation };

/// A tensor as it lies in DRAM or on the chip. Reshapes between pictures and tokens are no tensors
/// of their own.
struct NpuTensor {
  std::string name;  ///< of the graph's value; "NAME:scores" and the like where an op was split
  std::array<int64_t, kAxes> extent{};
  TensorKind kind = TensorKind::activation;
  int bits = 16;                           ///< of one element
  graph::ValueId value = graph::kNoValue;  ///< kNoValue: of a split op
  OpId producer = -1;                      ///< -1 of inputs, weights and constants
  std::vector<OpId> users;
  bool is_output = false;  ///< of the network

  Box box() const { return Box::whole(extent); }
  int64_t bytes(const Box& part) const { return (part.elements() * bits + 7) / 8; }
  int64_t bytes() const { return bytes(box()); }
};

enum class OpKind : uint8_t {
  conv2d,
  linear,
  scores,       ///< q k^T: [N,H,W,heads * keys], one head after another
  softmax,      ///< of each head's part of the channels, scaled and masked
  mix,          ///< softmax times v
  group_stats,  ///< of group_norm: [N,1,1,2 * groups], sums, then sums of squares
  group_apply,  ///< of group_norm, from the statistics
  layer_norm,
  pointwise,  ///< activation, geglu, add, mul, affine, concat, slice of channels
  resize,     ///< nearest
  other,      ///< takes its operands whole; the host alone does it
};
std::string_view to_string(OpKind kind);

/// Which places of an operand a part of the result needs. Where the operand's extent is 1 it is
/// that one for all.
enum class Reach : uint8_t {
  same,     ///< the same places
  window,   ///< lines and columns under the op's window (conv2d, resize)
  outputs,  ///< a weight: the lines that make these output channels
  keys,     ///< k and v: the places of the keys asked for
  whole,    ///< all
};

/// And which channels: all in [first, first + width); or, where width is 0, first + c for channel c
/// of the result, as far as the operand has such channels (concat, slice, two sources). Weights of
/// Reach::outputs have lines first + c for channel c. Operands of scores, softmax and mix have
/// those of the heads asked for, counted from `first`.
struct Operand {
  TensorId tensor = kNoTensor;
  int slot = 0;  ///< of the graph's node
  Reach reach = Reach::same;
  int64_t first = 0, width = 0;
};

struct Op {
  OpKind kind = OpKind::other;
  graph::NodeId node = -1;
  std::string name;  ///< of the tensor it makes
  /// What it computes, in the graph's terms; of split nodes what this part of them does. Of scores,
  /// softmax and mix the attention's, of group_stats and group_apply the norm's.
  graph::OpKind graph_op = graph::OpKind::input;
  graph::Attrs attrs;
  std::vector<Operand> operands;  ///< a gated weight or value twice, its second half last
  TensorId output = kNoTensor;
  TensorId state = kNoTensor;  ///< of softmax: [N,H,W,3 * heads]: maximum, sum, last factor
  Arithmetic arithmetic = Arithmetic::f16;  ///< of matrix ops
  VectorOp vector_op = VectorOp::copy;      ///< of the others
  std::optional<VectorOp> then = {};        ///< done in the same go: a norm's activation
  bool on_host = false;
  int64_t heads = 1, keys = 0;  ///< of scores, softmax and mix
  /// Result line h is made from `extent` lines of the operand (enlarged so many times, nearest)
  /// from h * step - before on; columns alike.
  struct Window {
    int64_t extent = 1, step = 1, before = 0, enlarge = 1;
  };
  Window lines = {}, columns = {};  ///< of conv2d
  bool is_matrix() const {
    return kind == OpKind::conv2d || kind == OpKind::linear || kind == OpKind::scores ||
           kind == OpKind::mix;
  }
};

/// In what a network's layers multiply, where no quantised bundle says it.
struct WorkOptions {
  Arithmetic arithmetic = Arithmetic::f16;
};

/// A graph cut into what an NPU does: attention in scores, softmax and mix, group norms in
/// statistics and their use, epilogues that the tensor engine does not do on its way out in ops of
/// their own; all on tensors of four axes, in an order in which it can run.
struct Work {
  std::string name;                     ///< of the network
  const graph::Graph* graph = nullptr;  ///< must outlive it
  std::vector<NpuTensor> tensors;
  std::vector<Op> ops;
  std::vector<TensorId> tensor_of_value;  ///< by the graph's value ids; kNoTensor: none

  const NpuTensor& tensor(TensorId id) const { return tensors[static_cast<size_t>(id)]; }
  const Op& op(OpId id) const { return ops[static_cast<size_t>(id)]; }
  int64_t macs() const;
};

/// Errors: an op that neither the device nor its host does, named with the device.
/// Layers' schemes come from the graph where it has them (LayerQuantization), else from `options`;
/// an arithmetic the device does not have falls to f16.
Result<Work> make_work(const graph::Graph& graph, const Device& device, const WorkOptions& options);

/// The part of operand `index` of `op` that `out`, a part of its result, needs; within the
/// operand's extent, empty where `out` needs none of it. Of group_stats: everything. Of host ops:
/// what moves; the host itself sees all of DRAM (an embedding's table is looked up, not moved).
Box needed(const Work& work, const Op& op, size_t index, const Box& out);

/// Multiply-accumulates of a part of the result; of mix over `keys` keys (0: all of them).
int64_t macs(const Work& work, const Op& op, const Box& out, int64_t keys = 0);

}  // namespace edgefusion::npu
