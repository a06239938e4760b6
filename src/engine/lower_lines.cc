#include "engine/lower_lines.h"

#include "engine/u8_rows.h"
#include "kernels/elementwise/elementwise.h"

namespace edgefusion::engine {
namespace {

using kernels::ElementwiseKernels;

/// b is null but for add.
using ElementFunction = std::function<void(const void* a, const void* b, void* dst, size_t count)>;

ElementFunction convert_function(const Lowering& lowering) {
  const ElementwiseKernels& half = kernels::select_elementwise(lowering.isa(), DType::bf16);
  if (lowering.output_dtype() == DType::bf16) {
    return [run = half.from_f32](const void* a, const void*, void* dst, size_t count) {
      run(static_cast<const float*>(a), dst, count);
    };
  }
  return [run = half.to_f32](const void* a, const void*, void* dst, size_t count) {
    run(a, static_cast<float*>(dst), count);
  };
}

ElementFunction element_function(const Lowering& lowering) {
  const graph::Node& node = lowering.node();
  if (node.op == graph::OpKind::convert) return convert_function(lowering);
  const ElementwiseKernels& kernels =
      kernels::select_elementwise(lowering.isa(), lowering.output_dtype());
  if (node.op == graph::OpKind::add) return kernels.add;
  if (node.op == graph::OpKind::affine) {
    const auto attrs = node.as<graph::AffineAttrs>();
    return [run = kernels.affine, attrs](const void* a, const void*, void* dst, size_t count) {
      run(a, attrs.scale, attrs.shift, dst, count);
    };
  }
  EF_CHECK(node.op == graph::OpKind::activation, "no element-wise op");
  const auto run = kernels.activation(node.as<graph::ActivationAttrs>().kind);
  return [run](const void* a, const void*, void* dst, size_t count) { run(a, dst, count); };
}

/// Rows of channels are pixels.
LineStep row_lines(const RowFunction& rows, int64_t width) {
  return {.begin = nullptr, .run = [=](const RunContext& context, const LineCall& call) {
            const int64_t first = call.lines.begin * width;
            context.pool.parallel_for(
                call.lines.count() * width, [&](int64_t begin, int64_t end, int) {
                  rows(call.operands[0], call.result, static_cast<size_t>(first + begin),
                       static_cast<size_t>(first + end));
                });
          }};
}

}  // namespace

LineStep lower_elementwise_lines(Lowering& lowering) {
  const Shape& shape = lowering.output_shape();
  if (lowering.node().op == graph::OpKind::convert) {
    if (const RowFunction rows = u8_row_function(lowering)) return row_lines(rows, shape[2]);
  }
  const int64_t line = shape[2] * shape[3];
  const auto src_size = static_cast<int64_t>(size_of(lowering.dtype(0)));
  const auto dst_size = static_cast<int64_t>(lowering.element_bytes());
  return {.begin = nullptr,
          .run = [=, run = element_function(lowering)](const RunContext& context,
                                                       const LineCall& call) {
            const int64_t first = call.lines.begin * line;
            const std::byte *a = call.operands[0], *b = call.operands[1];
            context.pool.parallel_for(
                call.lines.count() * line, kElementGrain, [&](int64_t begin, int64_t end, int) {
                  const int64_t at = first + begin;
                  run(a + at * src_size, b == nullptr ? nullptr : b + at * src_size,
                      call.result + at * dst_size, static_cast<size_t>(end - begin));
                });
          }};
}

LineStep lower_lines(Lowering& lowering) {
  switch (lowering.node().op) {
    case graph::OpKind::conv2d:
      return lower_conv2d_lines(lowering);
    case graph::OpKind::group_norm:
      return lower_group_norm_lines(lowering);
    default:
      return lower_elementwise_lines(lowering);
  }
}

}  // namespace edgefusion::engine
