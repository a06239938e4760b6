#include <algorithm>
#include <memory>
#include <vector>

#include "engine/lowering.h"
#include "kernels/attention/attention.h"

namespace edgefusion::engine {
namespace {

using graph::AttentionSlots;

/// All heads of all batch entries; a task is one tile of query rows of one of them.
struct MultiHeadAttention {
  kernels::Attention head;  ///< of batch entry 0, head 0
  int64_t batch = 0, heads = 0, queries = 0;
  int64_t rows_per_task = 0;
  DType dtype = DType::f32;  ///< of q, k and v
  DType out_dtype = DType::f32;
  std::shared_ptr<const std::vector<float>> inverse_scale;  ///< of a result in u8

  int64_t tasks_per_head() const { return (queries + rows_per_task - 1) / rows_per_task; }
  int64_t tasks() const { return batch * heads * tasks_per_head(); }

  static const void* moved(const void* from, int64_t elements, DType dtype) {
    return static_cast<const std::byte*>(from) + elements * static_cast<int64_t>(size_of(dtype));
  }
  const void* moved(const void* from, int64_t elements) const {
    return moved(from, elements, dtype);
  }

  kernels::Attention at(int64_t entry, int64_t index) const {
    kernels::Attention args = head;
    const auto keys = static_cast<int64_t>(head.keys);
    const auto ldq = static_cast<int64_t>(head.ldq), ldk = static_cast<int64_t>(head.ldk);
    const auto ldv = static_cast<int64_t>(head.ldv), ldo = static_cast<int64_t>(head.ldo);
    const auto width = static_cast<int64_t>(head.head_size);
    const auto value_width = static_cast<int64_t>(head.value_size);
    args.q = moved(head.q, entry * queries * ldq + index * width);
    args.k = moved(head.k, entry * keys * ldk + index * width);
    args.v = moved(head.v, entry * keys * ldv + index * value_width);
    args.out = const_cast<void*>(
        moved(head.out, entry * queries * ldo + index * value_width, out_dtype));
    if (inverse_scale != nullptr) {
      args.dst_inverse_scale = inverse_scale->data() + index * value_width;
    }
    if (args.key_mask != nullptr) args.key_mask += entry * keys;
    return args;
  }
};

/// Tasks [begin, end): neighbouring tiles of the same head go into one call.
void run_tasks(const kernels::AttentionKernel& kernel, const MultiHeadAttention& all, int64_t begin,
               int64_t end, float* scratch) {
  const int64_t per_head = all.tasks_per_head();
  for (int64_t task = begin; task < end;) {
    const int64_t head = task / per_head, tile = task % per_head;
    const int64_t last_tile = std::min(per_head, tile + (end - task));
    const int64_t row_end = std::min(all.queries, last_tile * all.rows_per_task);
    kernel.run(all.at(head / all.heads, head % all.heads),
               static_cast<size_t>(tile * all.rows_per_task), static_cast<size_t>(row_end),
               scratch);
    task += last_tile - tile;
  }
}

/// The operand's first row from column `begin` on; nullptr while measuring.
const void* columns_from(const Lowering& lowering, size_t slot, int64_t begin) {
  const auto* operand = lowering.src<std::byte>(slot);
  const size_t bytes = static_cast<size_t>(begin) * size_of(lowering.dtype(slot));
  return operand == nullptr ? nullptr : operand + bytes;
}

const kernels::AttentionKernel& select_kernel(const Lowering& lowering) {
  const DType dtype = lowering.dtype(AttentionSlots::q);
  const auto scheme = lowering.node().as<graph::AttentionAttrs>().scheme;
  const bool is_int8 = scheme == graph::AttentionScheme::int8 && dtype == DType::bf16;
  return kernels::select_attention(lowering.isa(), dtype,
                                   is_int8 ? kernels::AttentionArithmetic::int8
                                           : kernels::AttentionArithmetic::float_rows);
}

/// Scales of a result in u8, for all heads side by side; empty for others.
std::shared_ptr<const std::vector<float>> inverse_scales(const Lowering& lowering) {
  const auto& u8 = lowering.graph().value(lowering.node().output).u8;
  if (u8 == nullptr) return nullptr;
  auto inverse = std::make_shared<std::vector<float>>();
  for (const float scale : u8->scale) inverse->push_back(1.0f / scale);
  return inverse;
}

}  // namespace

StepFunction lower_attention(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::AttentionAttrs>();
  const kernels::AttentionKernel& kernel = select_kernel(lowering);
  const Shape& q = lowering.shape(AttentionSlots::q);
  const Shape& k = lowering.shape(AttentionSlots::k);
  const Shape& v = lowering.shape(AttentionSlots::v);
  const int64_t width_qk = attrs.width_of_qk(q), width_v = attrs.width_of_v(v);
  MultiHeadAttention all;
  all.dtype = lowering.dtype(AttentionSlots::q);
  all.out_dtype = lowering.output_dtype();
  all.inverse_scale = inverse_scales(lowering);
  all.batch = q[0];
  all.heads = attrs.heads;
  all.queries = q[1];
  all.rows_per_task = static_cast<int64_t>(kernel.row_tile);
  all.head = {.q = columns_from(lowering, AttentionSlots::q, attrs.q_begin),
              .k = columns_from(lowering, AttentionSlots::k, attrs.k_begin),
              .v = columns_from(lowering, AttentionSlots::v, attrs.v_begin),
              .out = lowering.dst<std::byte>(),
              .ldq = static_cast<size_t>(q[2]),
              .ldk = static_cast<size_t>(k[2]),
              .ldv = static_cast<size_t>(v[2]),
              .ldo = static_cast<size_t>(width_v),
              .keys = static_cast<size_t>(k[1]),
              .head_size = static_cast<size_t>(width_qk / attrs.heads),
              .value_size = static_cast<size_t>(width_v / attrs.heads),
              .scale = attrs.scale,
              .causal = attrs.causal,
              .key_mask = lowering.src<float>(AttentionSlots::key_mask),
              .out_u8 = all.inverse_scale != nullptr};
  if (all.head.out_u8) {
    all.head.dst_zero_point = lowering.graph().value(lowering.node().output).u8->zero_point;
  }
  lowering.need_scratch(kernel.scratch_floats(all.head.head_size, all.head.value_size) *
                        sizeof(float));
  return [kernel, all](const RunContext& context) {
    context.pool.parallel_for(all.tasks(), [&](int64_t begin, int64_t end, int thread) {
      run_tasks(kernel, all, begin, end, reinterpret_cast<float*>(context.scratch_of(thread)));
    });
  };
}

}  // namespace edgefusion::engine
