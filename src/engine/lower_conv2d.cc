#include "engine/lower_matrix.h"
#include "engine/matrix_shapes.h"
#include "engine/matrix_weights.h"
#include "kernels/conv/conv.h"

namespace edgefusion::engine {
using graph::ConvSlots;

StepFunction lower_conv2d(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::Conv2dAttrs>();
  if (lowering.dtype(ConvSlots::x) == DType::bf16) return lower_matrix(lowering, attrs.epilogue);
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
  const Split split = choose_split(sizes, lowering.pool().threads());
  return [row, args, split, sizes](const RunContext& context) {
    run_split(row, args, split, sizes, context);
  };
}

}  // namespace edgefusion::engine
