#include "engine/matrix_weights.h"
#include "kernels/gemm/gemm.h"

namespace edgefusion::engine {

using graph::LinearSlots;

StepFunction lower_linear(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::LinearAttrs>();
  EF_CHECK(!attrs.epilogue.geglu, "no kernel has this epilogue; the pass is off");
  const MatrixWeight weight = matrix_weight(lowering, LinearSlots::weight);
  const kernels::GemmRow& row =
      kernels::select_gemm(lowering.isa(), {.weights = weight.view.dtype});
  kernels::GemmArgs args;
  args.outputs = weight.view.outputs;
  args.depth = weight.view.inputs;
  args.src = lowering.src<float>(LinearSlots::x);
  args.src_stride = args.depth;
  args.dst = lowering.dst<float>();
  args.dst_stride = args.outputs;
  args.packed_weights = pack_matrix(lowering, LinearSlots::weight, weight, row.layout());
  args.epilogue = {.bias = lowering.vector_f32(LinearSlots::bias),
                   .activation = attrs.epilogue.activation,
                   .activation_after_residual = attrs.epilogue.activation_after_residual,
                   .residual = lowering.src<float>(LinearSlots::residual),
                   .residual_stride = args.outputs};
  lowering.need_scratch(row.scratch_bytes(args));
  const int64_t rows = lowering.output_shape().rows();
  const SplitSizes sizes = {.rows = rows,
                            .row_tile = row.tile.rows,
                            .panels = row.layout().panels(args.outputs),
                            .source_bytes = rows * args.depth * static_cast<int64_t>(sizeof(float)),
                            .weight_bytes = static_cast<int64_t>(row.layout().bytes(weight.view))};
  const Split split = choose_split(sizes, lowering.pool().threads());
  return [row, args, split, sizes](const RunContext& context) {
    run_split(row, args, split, sizes, context);
  };
}

}  // namespace edgefusion::engine
