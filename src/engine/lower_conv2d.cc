#include "engine/lower_int8_matrix.h"
#include "engine/lower_lines.h"
#include "engine/lower_matrix.h"
#include "engine/matrix_shapes.h"
#include "engine/matrix_weights.h"
#include "kernels/conv/conv.h"

namespace edgefusion::engine {
namespace {

using graph::ConvSlots;

/// An f32 convolution: its kernel, its arguments, and the sizes that decide how threads share it.
struct F32Conv {
  kernels::ConvRow row;
  kernels::ConvArgs args;
  SplitSizes sizes;
};

F32Conv make_conv(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::Conv2dAttrs>();
  EF_CHECK(!lowering.has(ConvSlots::image_add), "only the bf16 kernels have this epilogue");
  const MatrixWeight weight = matrix_weight(lowering, ConvSlots::weight);
  const kernels::ConvRow& row =
      kernels::select_conv(lowering.isa(), {.weights = weight.view.dtype});
  kernels::ConvArgs args;
  args.shape = matrix_shape(lowering.graph(), lowering.node());
  args.src = lowering.src<float>(ConvSlots::x);
  args.src_stride = args.shape.channels;
  args.src2 = lowering.src<float>(ConvSlots::x2);
  args.src2_stride = args.shape.channels2;
  args.dst = lowering.dst<float>();
  args.dst_stride = args.shape.outputs;
  args.packed_weights = pack_matrix(lowering, ConvSlots::weight, weight, row.layout());
  args.epilogue = {.bias = lowering.vector_f32(ConvSlots::bias),
                   .activation = attrs.epilogue.activation,
                   .activation_after_residual = attrs.epilogue.activation_after_residual,
                   .residual = lowering.src<float>(ConvSlots::residual),
                   .residual_stride = args.shape.outputs};
  lowering.need_scratch(row.scratch_bytes(args.shape));
  const SplitSizes sizes = {.rows = args.shape.pixels(),
                            .row_tile = row.tile.rows,
                            .panels = row.layout().panels(args.shape.outputs),
                            .source_bytes = args.shape.batch * args.shape.height *
                                            args.shape.width * args.shape.inputs() *
                                            static_cast<int64_t>(sizeof(float)),
                            .weight_bytes = static_cast<int64_t>(row.layout().bytes(weight.view))};
  return {row, args, sizes};
}

}  // namespace

StepFunction lower_conv2d(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::Conv2dAttrs>();
  if (has_int8_activations(lowering.node())) return lower_int8_matrix(lowering, attrs.epilogue);
  if (lowering.dtype(ConvSlots::x) == DType::bf16) return lower_matrix(lowering, attrs.epilogue);
  const F32Conv conv = make_conv(lowering);
  const Split split = choose_split(conv.sizes, lowering.pool().threads());
  return [conv, split](const RunContext& context) {
    run_split(conv.row, conv.args, split, conv.sizes, context);
  };
}

LineStep lower_conv2d_lines(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::Conv2dAttrs>();
  if (has_int8_activations(lowering.node())) {
    return lower_int8_matrix_lines(lowering, attrs.epilogue);
  }
  if (lowering.dtype(ConvSlots::x) == DType::bf16) {
    return lower_matrix_lines(lowering, attrs.epilogue);
  }
  F32Conv conv = make_conv(lowering);
  conv.args.shape.batch = 1;
  const auto run = [conv](const RunContext& context, const LineCall& call) {
    kernels::ConvArgs args = conv.args;
    args.src = reinterpret_cast<const float*>(call.operands[ConvSlots::x]);
    args.src2 = reinterpret_cast<const float*>(call.operands[ConvSlots::x2]);
    args.dst = reinterpret_cast<float*>(call.result);
    args.epilogue.residual = reinterpret_cast<const float*>(call.operands[ConvSlots::residual]);
    const UnitRange pixels = {call.lines.begin * args.shape.out_width(),
                              call.lines.end * args.shape.out_width()};
    for_each_part(pixels, conv.sizes, context, [&](const kernels::GemmRange& range, int thread) {
      conv.row.run(args, range, context.scratch_of(thread));
    });
  };
  return {.begin = nullptr, .run = run};
}

}  // namespace edgefusion::engine
