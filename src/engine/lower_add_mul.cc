#include "engine/lowering.h"
#include "graph/broadcast.h"
#include "kernels/elementwise/elementwise.h"

namespace edgefusion::engine {
namespace {

using kernels::ElementwiseKernels;

enum class Operation { add, mul };

struct Operands {
  const float* a;
  const float* b;
  float* dst;
};

StepFunction same_shape(ElementwiseKernels::Binary run, Operands operands, int64_t count) {
  return [=](const RunContext& context) {
    context.pool.parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end, int) {
      run(operands.a + begin, operands.b + begin, operands.dst + begin,
          static_cast<size_t>(end - begin));
    });
  };
}

/// One row of a against its row of b: a vector, or a single factor or summand.
StepFunction by_rows(const ElementwiseKernels& kernels, Operation operation, Operands operands,
                     graph::RowExtents extents, graph::Broadcast broadcast) {
  const auto binary = operation == Operation::add ? kernels.add : kernels.mul;
  const auto affine = kernels.affine;
  const auto run_row = [=](int64_t row) {
    const int64_t item = row / extents.rows;
    const float* b = operands.b + item * broadcast.item + (row % extents.rows) * broadcast.row;
    const float* a = operands.a + row * extents.channels;
    float* dst = operands.dst + row * extents.channels;
    const auto count = static_cast<size_t>(extents.channels);
    if (broadcast.channel == 1) {
      binary(a, b, dst, count);
    } else if (operation == Operation::add) {
      affine(a, 1.0f, *b, dst, count);
    } else {
      affine(a, *b, 0.0f, dst, count);
    }
  };
  return [=](const RunContext& context) {
    context.pool.parallel_for(extents.items * extents.rows, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) run_row(row);
    });
  };
}

StepFunction lower_binary(Lowering& lowering, Operation operation) {
  const ElementwiseKernels& kernels = kernels::select_elementwise(lowering.isa(), DType::f32);
  const Shape& a = lowering.shape(0);
  const auto broadcast = graph::broadcast_of(a, lowering.shape(1));
  EF_CHECK(broadcast.has_value(),
           "the builder let " + a.to_string() + " pass with " + lowering.shape(1).to_string());
  const Operands operands = {lowering.vector_f32(0), lowering.vector_f32(1), lowering.dst<float>()};
  if (broadcast->kind == graph::BroadcastKind::same) {
    return same_shape(operation == Operation::add ? kernels.add : kernels.mul, operands,
                      a.elements());
  }
  return by_rows(kernels, operation, operands, graph::row_extents(a), *broadcast);
}

}  // namespace

StepFunction lower_add(Lowering& lowering) { return lower_binary(lowering, Operation::add); }

StepFunction lower_mul(Lowering& lowering) { return lower_binary(lowering, Operation::mul); }

}  // namespace edgefusion::engine
