#include "engine/lowering.h"
#include "graph/broadcast.h"
#include "kernels/elementwise/elementwise.h"

namespace edgefusion::engine {
namespace {

using kernels::ElementwiseKernels;

enum class Operation { add, mul };

/// Both operands and the result, all of one type.
struct Operands {
  const std::byte* a;
  const std::byte* b;
  std::byte* dst;
  DType dtype;

  int64_t bytes(int64_t elements) const {
    return elements * static_cast<int64_t>(size_of(dtype));
  }
  float b_at(int64_t element) const {
    const std::byte* at = b + bytes(element);
    if (dtype == DType::f32) return *reinterpret_cast<const float*>(at);
    return bf16_to_f32(*reinterpret_cast<const uint16_t*>(at));
  }
};

StepFunction same_shape(ElementwiseKernels::Binary run, Operands operands, int64_t count) {
  return [=](const RunContext& context) {
    context.pool.parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end, int) {
      const int64_t first = operands.bytes(begin);
      run(operands.a + first, operands.b + first, operands.dst + first,
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
    const int64_t b = item * broadcast.item + (row % extents.rows) * broadcast.row;
    const std::byte* a = operands.a + operands.bytes(row * extents.channels);
    std::byte* dst = operands.dst + operands.bytes(row * extents.channels);
    const auto count = static_cast<size_t>(extents.channels);
    if (broadcast.channel == 1) {
      binary(a, operands.b + operands.bytes(b), dst, count);
    } else if (operation == Operation::add) {
      affine(a, 1.0f, operands.b_at(b), dst, count);
    } else {
      affine(a, operands.b_at(b), 0.0f, dst, count);
    }
  };
  return [=](const RunContext& context) {
    context.pool.parallel_for(extents.items * extents.rows, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) run_row(row);
    });
  };
}

/// An activation, or a weight placed as f32.
const std::byte* operand(Lowering& lowering, size_t slot) {
  if (lowering.producer(slot).op != graph::OpKind::weight) return lowering.src<std::byte>(slot);
  EF_CHECK(lowering.output_dtype() == DType::f32, "weights are added in f32");
  return reinterpret_cast<const std::byte*>(lowering.vector_f32(slot));
}

StepFunction lower_binary(Lowering& lowering, Operation operation) {
  const DType dtype = lowering.output_dtype();
  const ElementwiseKernels& kernels = kernels::select_elementwise(lowering.isa(), dtype);
  const Shape& a = lowering.shape(0);
  const auto broadcast = graph::broadcast_of(a, lowering.shape(1));
  EF_CHECK(broadcast.has_value(),
           "the builder let " + a.to_string() + " pass with " + lowering.shape(1).to_string());
  const Operands operands = {operand(lowering, 0), operand(lowering, 1), lowering.dst<std::byte>(),
                             dtype};
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
