#include "engine/lower_int8_matrix.h"
#include "engine/lower_matrix.h"
#include "engine/matrix_shapes.h"
#include "engine/matrix_weights.h"
#include "kernels/gemm/gemm.h"

namespace edgefusion::engine {

using graph::LinearSlots;

StepFunction lower_linear(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::LinearAttrs>();
  if (has_int8_activations(lowering.node())) return lower_int8_matrix(lowering, attrs.epilogue);
  if (lowering.dtype(LinearSlots::x) == DType::bf16) return lower_matrix(lowering, attrs.epilogue);
  EF_CHECK(!attrs.epilogue.geglu, "only the bf16 kernels have this epilogue");
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
