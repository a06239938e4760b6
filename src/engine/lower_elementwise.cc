#include <utility>

#include "engine/lowering.h"
#include "engine/u8_rows.h"
#include "kernels/elementwise/elementwise.h"

namespace edgefusion::engine {
namespace {

using kernels::ElementwiseKernels;

const ElementwiseKernels& kernels_of(const Lowering& lowering) {
  return kernels::select_elementwise(lowering.isa(), lowering.output_dtype());
}

/// A step that calls run(src, dst, count) on parts of all elements.
template <typename Run>
StepFunction by_elements(const Lowering& lowering, size_t src_size, size_t dst_size, Run run) {
  const int64_t count = lowering.output_shape().elements();
  const auto* src = lowering.src<std::byte>(0);
  auto* dst = lowering.dst<std::byte>();
  return [=](const RunContext& context) {
    context.pool.parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end, int) {
      const auto first = static_cast<size_t>(begin);
      run(src + first * src_size, dst + first * dst_size, static_cast<size_t>(end - begin));
    });
  };
}

/// A step that calls rows(src, dst, row0, row1) on parts of all rows of channels.
StepFunction by_rows(const Lowering& lowering, const RowFunction& rows) {
  const auto* src = lowering.src<std::byte>(0);
  auto* dst = lowering.dst<std::byte>();
  return [=, count = lowering.output_shape().rows()](const RunContext& context) {
    context.pool.parallel_for(count, [&](int64_t begin, int64_t end, int) {
      rows(src, dst, static_cast<size_t>(begin), static_cast<size_t>(end));
    });
  };
}

}  // namespace

StepFunction lower_activation(Lowering& lowering) {
  const Activation kind = lowering.node().as<graph::ActivationAttrs>().kind;
  const size_t size = lowering.element_bytes();
  return by_elements(lowering, size, size, kernels_of(lowering).activation(kind));
}

StepFunction lower_affine(Lowering& lowering) {
  const auto attrs = lowering.node().as<graph::AffineAttrs>();
  const auto run = kernels_of(lowering).affine;
  const size_t size = lowering.element_bytes();
  return by_elements(lowering, size, size, [=](const void* src, void* dst, size_t count) {
    run(src, attrs.scale, attrs.shift, dst, count);
  });
}

StepFunction lower_convert(Lowering& lowering) {
  const auto [src_size, dst_size] = std::pair{size_of(lowering.dtype(0)), lowering.element_bytes()};
  if (const RowFunction rows = u8_row_function(lowering)) return by_rows(lowering, rows);
  const ElementwiseKernels& half = kernels::select_elementwise(lowering.isa(), DType::bf16);
  if (lowering.output_dtype() == DType::bf16) {
    const auto run = half.from_f32;
    return by_elements(lowering, src_size, dst_size,
                       [run](const void* src, void* dst, size_t count) {
                         run(static_cast<const float*>(src), dst, count);
                       });
  }
  const auto run = half.to_f32;
  return by_elements(lowering, src_size, dst_size, [run](const void* src, void* dst, size_t count) {
    run(src, static_cast<float*>(dst), count);
  });
}

StepFunction lower_geglu(Lowering& lowering) {
  const auto run = kernels_of(lowering).geglu;
  const Shape& out = lowering.output_shape();
  const auto columns = static_cast<size_t>(out[-1]);
  const kernels::Geglu args = {.src = lowering.src<std::byte>(0),
                               .dst = lowering.dst<std::byte>(),
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
