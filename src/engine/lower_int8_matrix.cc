#include "engine/lower_int8_matrix.h"

#include <memory>

#include "engine/int8_weights.h"
#include "engine/matrix_shapes.h"
#include "engine/matrix_step.h"
#include "kernels/matrix/int8/int8_matrix.h"

namespace edgefusion::engine {
namespace {

using graph::ConvSlots;
using graph::LayerQuantization;
using graph::Scheme;
using kernels::Int8MatrixRow;

kernels::Int8Method method_of(const LayerQuantization& layer) {
  return layer.scheme == Scheme::w8a8_winograd ? kernels::Int8Method::winograd
                                               : kernels::Int8Method::direct;
}

/// Numbers the kernel reads while it runs.
struct Factors {
  std::vector<float> inverse_scale;           ///< of the inputs
  std::vector<float> position_inverse_scale;  ///< winograd
  std::vector<float> dst_inverse_scale;       ///< of a result in u8
};

std::vector<float> inverses(const std::vector<float>& scales) {
  std::vector<float> result;
  result.reserve(scales.size());
  for (const float scale : scales) result.push_back(1.0f / scale);
  return result;
}

/// A node on its way to a step.
struct Int8Matrix {
  const Int8MatrixRow* row = nullptr;
  kernels::Int8MatrixArgs args;
  SplitSizes sizes;
  std::shared_ptr<const Factors> factors;
};

std::shared_ptr<const Factors> factors_of(const Lowering& lowering, const LayerQuantization& layer,
                                          const kernels::ConvShape& shape) {
  auto factors = std::make_shared<Factors>();
  factors->inverse_scale = inverses(layer.channel_scales(shape.inputs()));
  factors->position_inverse_scale = inverses(layer.position_scale);
  const auto& result = lowering.graph().value(lowering.node().output);
  if (result.u8 != nullptr) factors->dst_inverse_scale = inverses(result.u8->scale);
  return factors;
}

const void* pack(Lowering& lowering, const Int8MatrixRow& row, const LayerQuantization& layer,
                 bool geglu) {
  const Shape& shape = lowering.shape(ConvSlots::weight);
  kernels::Int8Weights sizes;
  sizes.outputs = shape[0];
  sizes.inputs = shape[1];
  sizes.taps = shape.rank() == 4 ? shape[2] * shape[3] : 1;
  const bool from_floats =
      lowering.weights().quantized(lowering.producer(ConvSlots::weight)).empty();
  const WeightStore::Place place =
      lowering.place_weight(ConvSlots::weight, row.packed_bytes(row, sizes), row.name,
                            packed_numbers(layer, from_floats));
  if (place.fill == nullptr) return place.data;
  const S8Weights weights = s8_weights(lowering, layer);
  lowering.pool().parallel_for(row.panels(sizes.outputs), [&](int64_t begin, int64_t end, int) {
    row.pack(row, weights.view(), geglu, begin, end, place.fill);
  });
  lowering.weights().release(lowering.producer(ConvSlots::weight));
  return place.data;
}

kernels::Int8MatrixArgs make_args(Lowering& lowering, const graph::Epilogue& epilogue,
                                  const LayerQuantization& layer, const Factors& factors) {
  EF_CHECK(
      !lowering.has(ConvSlots::x2) || lowering.dtype(ConvSlots::x2) == lowering.dtype(ConvSlots::x),
      lowering.graph().value(lowering.node().output).name + ": sources of two types");
  kernels::Int8MatrixArgs args;
  args.shape = matrix_shape(lowering.graph(), lowering.node());
  args.src_type = lowering.dtype(ConvSlots::x);
  args.src = lowering.src<std::byte>(ConvSlots::x);
  args.src_stride = args.shape.channels;
  args.src2 = lowering.src<std::byte>(ConvSlots::x2);
  args.src2_stride = args.shape.channels2;
  args.zero_point = layer.zero_point;
  args.inverse_scale = factors.inverse_scale.data();
  args.dynamic = layer.scheme == Scheme::w8a8_dynamic;
  args.hadamard = layer.hadamard;
  if (!factors.position_inverse_scale.empty()) {
    args.position_inverse_scale = factors.position_inverse_scale.data();
  }
  args.dst = lowering.dst<std::byte>();
  args.dst_type = lowering.output_dtype();
  args.dst_stride = lowering.output_shape()[-1];
  const auto& result = lowering.graph().value(lowering.node().output);
  if (result.u8 != nullptr) {
    args.dst_inverse_scale = factors.dst_inverse_scale.data();
    args.dst_zero_point = result.u8->zero_point;
  }
  args.epilogue = {.bias = lowering.vector_f32(ConvSlots::bias),
                   .image_add = lowering.src<float>(ConvSlots::image_add),
                   .activation = epilogue.activation,
                   .activation_after_residual = epilogue.activation_after_residual,
                   .geglu = epilogue.geglu,
                   .residual = lowering.src<std::byte>(ConvSlots::residual),
                   .residual_stride = args.dst_stride};
  return args;
}

Int8Matrix make_matrix(Lowering& lowering, const graph::Epilogue& epilogue) {
  const LayerQuantization& layer = *quantization_of(lowering.node());
  const kernels::ConvShape shape = matrix_shape(lowering.graph(), lowering.node());
  const Int8MatrixRow& row = kernels::select_int8_matrix(lowering.isa(), shape, method_of(layer));
  Int8Matrix matrix;
  matrix.row = &row;
  matrix.factors = factors_of(lowering, layer, shape);
  matrix.args = make_args(lowering, epilogue, layer, *matrix.factors);
  matrix.args.packed_weights = pack(lowering, row, layer, epilogue.geglu);
  lowering.need_scratch(row.scratch_bytes(row, matrix.args));
  matrix.sizes = {.rows = row.units(shape),
                  .row_tile = row.unit_tile(row),
                  .panels = row.panels(shape.outputs),
                  .source_bytes = shape.batch * shape.height * shape.width * shape.inputs() *
                                  static_cast<int64_t>(size_of(matrix.args.src_type)),
                  .weight_bytes = shape.outputs * shape.taps() * shape.inputs()};
  return matrix;
}

}  // namespace

bool takes_u8(const graph::Graph& graph, const graph::Node& node, const LayerQuantization& layer) {
  const Shape& x = graph.value(node.input(ConvSlots::x)).shape;
  if (x.rank() < 3 || !graph::has_int8_activations(layer.scheme)) return false;
  const kernels::ConvShape shape = matrix_shape(graph, node);
  if (layer.scheme == Scheme::w8a8_dynamic && !quantizes_rows(graph, node)) return false;
  return kernels::int8_matrix_takes(shape, method_of(layer));
}

bool quantizes_rows(const graph::Graph& graph, const graph::Node& node) {
  const kernels::ConvShape shape = matrix_shape(graph, node);
  return shape.taps() == 1 && shape.stride == 1 && !shape.upsample2x;
}

StepFunction lower_int8_matrix(Lowering& lowering, const graph::Epilogue& epilogue) {
  return matrix_step(make_matrix(lowering, epilogue), lowering.pool());
}

LineStep lower_int8_matrix_lines(Lowering& lowering, const graph::Epilogue& epilogue) {
  return matrix_line_step(make_matrix(lowering, epilogue));
}

int64_t int8_lines_at_once(const graph::Graph& graph, const graph::Node& node, IsaSet isa) {
  const auto method = method_of(*quantization_of(node));
  return kernels::select_int8_matrix(isa, matrix_shape(graph, node), method).unit_lines;
}

}  // namespace edgefusion::engine
