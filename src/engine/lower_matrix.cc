#include "engine/lower_matrix.h"

#include "engine/expanded_weights.h"
#include "engine/int8_weights.h"
#include "engine/matrix_shapes.h"
#include "engine/matrix_step.h"
#include "kernels/matrix/expanded/expanded_matrix.h"
#include "kernels/matrix/matrix.h"

namespace edgefusion::engine {
namespace {

using graph::ConvSlots;
using kernels::MatrixRow;

/// The weights as the row wants them, in the store; nullptr while measuring.
const void* pack(Lowering& lowering, const MatrixRow& row, bool geglu) {
  kernels::WeightsView view = matrix_weight(lowering, ConvSlots::weight).view;
  const WeightStore::Place place =
      lowering.place_weight(ConvSlots::weight, row.packed_bytes(row, view), row.name);
  if (place.fill == nullptr) return place.data;
  const graph::Node& node = lowering.producer(ConvSlots::weight);
  Tensor scratch;
  view.data = lowering.weights().tensor(node, lowering.shape(ConvSlots::weight), scratch).data;
  lowering.pool().parallel_for(row.panels(view.outputs), [&](int64_t begin, int64_t end, int) {
    row.pack(row, view, geglu, begin, end, place.fill);
  });
  lowering.weights().release(node);
  return place.data;
}

/// The same of weights of few bits.
const void* pack_few_bits(Lowering& lowering, const MatrixRow& row, FewBitWeights weights,
                          bool geglu) {
  const auto& layer = *quantization_of(lowering.node());
  const bool from_floats =
      lowering.weights().quantized(lowering.producer(ConvSlots::weight)).empty();
  const std::string layout = row.name + " " + std::to_string(weights.view.format.group) + " " +
                             std::to_string(weights.view.format.rows_per_palette);
  const WeightStore::Place place =
      lowering.place_weight(ConvSlots::weight, kernels::expanded_bytes(row, weights.view), layout,
                            packed_numbers(layer, from_floats));
  if (place.fill == nullptr) return place.data;
  load_codes(lowering, weights);
  lowering.pool().parallel_for(
      row.panels(weights.view.outputs), [&](int64_t begin, int64_t end, int) {
        kernels::pack_expanded(row, weights.view, geglu, begin, end, place.fill);
      });
  lowering.weights().release(lowering.producer(ConvSlots::weight));
  return place.data;
}

kernels::MatrixArgs make_args(Lowering& lowering, const graph::Epilogue& epilogue) {
  kernels::MatrixArgs args;
  args.shape = matrix_shape(lowering.graph(), lowering.node());
  args.src = lowering.src<uint16_t>(ConvSlots::x);
  args.src_stride = args.shape.channels;
  args.src2 = lowering.src<uint16_t>(ConvSlots::x2);
  args.src2_stride = args.shape.channels2;
  args.dst = lowering.dst<std::byte>();
  args.dst_type = lowering.output_dtype();
  args.dst_stride = lowering.output_shape()[-1];
  args.epilogue = {.bias = lowering.vector_f32(ConvSlots::bias),
                   .image_add = lowering.src<float>(ConvSlots::image_add),
                   .activation = epilogue.activation,
                   .activation_after_residual = epilogue.activation_after_residual,
                   .geglu = epilogue.geglu,
                   .residual = lowering.src<std::byte>(ConvSlots::residual),
                   .residual_stride = args.dst_stride};
  return args;
}

/// A node on its way to a step: its kernel, its arguments, and the sizes that decide how threads
/// share it.
struct Matrix {
  const MatrixRow* row;
  kernels::MatrixArgs args;
  SplitSizes sizes;
};

Matrix make_matrix(Lowering& lowering, const graph::Epilogue& epilogue) {
  kernels::MatrixArgs args = make_args(lowering, epilogue);
  const auto few_bits = few_bit_format(lowering, args.epilogue.geglu);
  const MatrixRow& row = few_bits ? kernels::select_expanded_matrix(lowering.isa(), args.shape)
                                  : kernels::select_matrix(lowering.isa(), args.shape);
  if (few_bits) args.format = few_bits->view.format;
  args.packed_weights = few_bits ? pack_few_bits(lowering, row, *few_bits, args.epilogue.geglu)
                                 : pack(lowering, row, args.epilogue.geglu);
  lowering.need_scratch(row.scratch_bytes(row, args.shape));
  const int64_t weights = args.shape.outputs * args.shape.taps() * args.shape.inputs();
  const int64_t source =
      args.shape.batch * args.shape.height * args.shape.width * args.shape.inputs();
  const SplitSizes sizes = {.rows = row.units(args.shape),
                            .row_tile = row.unit_tile(row),
                            .panels = row.panels(args.shape.outputs),
                            .source_bytes = source * static_cast<int64_t>(sizeof(uint16_t)),
                            .weight_bytes = weights * static_cast<int64_t>(sizeof(uint16_t))};
  return {&row, args, sizes};
}

}  // namespace

StepFunction lower_matrix(Lowering& lowering, const graph::Epilogue& epilogue) {
  return matrix_step(make_matrix(lowering, epilogue), lowering.pool());
}

LineStep lower_matrix_lines(Lowering& lowering, const graph::Epilogue& epilogue) {
  return matrix_line_step(make_matrix(lowering, epilogue));
}

}  // namespace edgefusion::engine
