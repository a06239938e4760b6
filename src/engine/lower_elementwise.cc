#include "engine/lowering.h"
#include "kernels/elementwise/elementwise.h"

namespace edgefusion::engine {
StepFunction lower_activation(Lowering& lowering) {
  const Activation kind = lowering.node().as<graph::ActivationAttrs>().kind;
  const auto run = kernels::select_elementwise(lowering.isa(), DType::f32).activation(kind);
  const int64_t count = lowering.output_shape().elements();
  const float* src = lowering.src<float>(0);
  float* dst = lowering.dst<float>();
  return [=](const RunContext& context) {
    context.pool.parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end, int) {
      run(src + begin, dst + begin, static_cast<size_t>(end - begin));
    });
  };
}

StepFunction lower_affine(Lowering& lowering) {
  const auto attrs = lowering.node().as<graph::AffineAttrs>();
  const auto run = kernels::select_elementwise(lowering.isa(), DType::f32).affine;
  const int64_t count = lowering.output_shape().elements();
  const float* src = lowering.src<float>(0);
  float* dst = lowering.dst<float>();
  return [=](const RunContext& context) {
    context.pool.parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end, int) {
      run(src + begin, attrs.scale, attrs.shift, dst + begin, static_cast<size_t>(end - begin));
    });
  };
}

StepFunction lower_geglu(Lowering& lowering) {
  const auto run = kernels::select_elementwise(lowering.isa(), DType::f32).geglu;
  const Shape& out = lowering.output_shape();
  const auto columns = static_cast<size_t>(out[-1]);
  const kernels::Geglu args = {.src = lowering.src<float>(0),
                               .dst = lowering.dst<float>(),
                               .ld_src = 2 * columns,
                               .ld_dst = columns,
                               .columns = columns};
  return [=, rows = out.rows()](const RunContext& context) {
    context.pool.parallel_for(rows, [&](int64_t begin, int64_t end, int) {
      run(args, static_cast<size_t>(begin), static_cast<size_t>(end));
    });
  };
}

}  // namespace edgefusion::engine
