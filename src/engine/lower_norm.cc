#include <memory>
#include <vector>

#include "engine/lower_lines.h"
#include "engine/lowering.h"
#include "kernels/norm/norm.h"

namespace edgefusion::engine {
namespace {

using graph::NormSlots;

/// Work space of one group norm, shared by all threads: moments of each chunk, then the affine map.
struct GroupNormScratch {
  kernels::GroupMoments* moments;
  float* scale;
  float* shift;

  GroupNormScratch(std::byte* base, const kernels::GroupNorm& norm)
      : moments(reinterpret_cast<kernels::GroupMoments*>(base)),
        scale(reinterpret_cast<float*>(base + moments_bytes(norm))),
        shift(scale + norm.channels) {}

  static size_t moments_bytes(const kernels::GroupNorm& norm) {
    return kernels::group_norm_chunks(norm.pixels) * norm.groups * sizeof(kernels::GroupMoments);
  }
  static size_t bytes(const kernels::GroupNorm& norm) {
    return moments_bytes(norm) + 2 * norm.channels * sizeof(float);
  }
};

/// First part: all moments of the image, then its affine map.
void find_affine_map(const kernels::NormKernels& kernel, const kernels::GroupNorm& norm,
                     const GroupNormScratch& scratch, const RunContext& context) {
  const auto chunks = static_cast<int64_t>(kernels::group_norm_chunks(norm.pixels));
  context.pool.parallel_for(chunks, [&](int64_t begin, int64_t end, int) {
    kernel.group_norm_moments(norm, static_cast<size_t>(begin), static_cast<size_t>(end),
                              scratch.moments);
  });
  kernel.group_norm_merge(norm, scratch.moments, scratch.scale, scratch.shift);
}

/// Second part, for a range of pixels.
void apply_affine_map(const kernels::NormKernels& kernel, const kernels::GroupNorm& norm,
                      const GroupNormScratch& scratch, Lines pixels, const RunContext& context) {
  context.pool.parallel_for(pixels.count(), [&](int64_t begin, int64_t end, int) {
    kernel.group_norm_apply(norm, scratch.scale, scratch.shift,
                            static_cast<size_t>(pixels.begin + begin),
                            static_cast<size_t>(pixels.begin + end));
  });
}

/// What u8 operands and results of a norm are scaled by; must outlive the steps.
struct U8Scales {
  std::shared_ptr<const graph::U8Format> src;
  int dst_zero_point = 128;
  std::vector<float> dst_inverse;
};

template <typename Norm>
std::shared_ptr<const U8Scales> set_u8(const Lowering& lowering, Norm& norm) {
  const graph::Graph& graph = lowering.graph();
  const auto& result = graph.value(lowering.node().output);
  auto scales = std::make_shared<U8Scales>();
  scales->src = graph.value(lowering.node().input(NormSlots::x)).u8;
  if (scales->src != nullptr) {
    norm.src_u8 = true;
    norm.src_scale = scales->src->scale.data();
    norm.src_zero_point = scales->src->zero_point;
  }
  if (result.u8 != nullptr) {
    for (const float scale : result.u8->scale) scales->dst_inverse.push_back(1.0f / scale);
    norm.dst_u8 = true;
    norm.dst_inverse_scale = scales->dst_inverse.data();
    norm.dst_zero_point = result.u8->zero_point;
  }
  return scales;
}

/// Rows of the table are called by floats: those that a norm of u8 would have been in are bf16.
const kernels::NormKernels& select_kernel(const Lowering& lowering) {
  const bool has_u8 =
      lowering.output_dtype() == DType::u8 || lowering.dtype(NormSlots::x) == DType::u8;
  return kernels::select_norm(lowering.isa(), has_u8 ? DType::bf16 : lowering.output_dtype());
}

kernels::GroupNorm make_group_norm(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::GroupNormAttrs>();
  const Shape& shape = lowering.output_shape();
  kernels::GroupNorm norm;
  norm.src = lowering.src<std::byte>(NormSlots::x);
  norm.src2 = lowering.src<std::byte>(NormSlots::x2);
  norm.dst = lowering.dst<std::byte>();
  norm.channels = static_cast<size_t>(shape[-1]);
  norm.channels2 =
      lowering.has(NormSlots::x2) ? static_cast<size_t>(lowering.shape(NormSlots::x2)[-1]) : 0;
  norm.pixels = static_cast<size_t>(shape.rows() / shape[0]);
  norm.ld_src = norm.channels - norm.channels2;
  norm.ld_src2 = norm.channels2;
  norm.ld_dst = norm.channels;
  norm.groups = static_cast<size_t>(attrs.groups);
  norm.gamma = lowering.vector_f32(NormSlots::gamma);
  norm.beta = lowering.vector_f32(NormSlots::beta);
  norm.eps = attrs.eps;
  norm.activation = attrs.activation;
  lowering.need_scratch(GroupNormScratch::bytes(norm));
  return norm;
}

}  // namespace

StepFunction lower_group_norm(Lowering& lowering) {
  const kernels::NormKernels& kernel = select_kernel(lowering);
  kernels::GroupNorm norm = make_group_norm(lowering);
  const auto scales = set_u8(lowering, norm);
  const int64_t batch = lowering.output_shape()[0];
  const size_t src_pixels = size_of(lowering.dtype(NormSlots::x)) * norm.pixels;
  const size_t dst_pixels = lowering.element_bytes() * norm.pixels;
  // `scales` is named because [=] leaves out what the body does not name.
  return [=, scales = scales](const RunContext& context) {
    // Thread 0's work space; the pool's loops are barriers between the parts.
    const GroupNormScratch scratch(context.scratch_of(0), norm);
    kernels::GroupNorm image = norm;
    for (int64_t entry = 0; entry < batch; ++entry) {
      find_affine_map(kernel, image, scratch, context);
      apply_affine_map(kernel, image, scratch, {0, static_cast<int64_t>(norm.pixels)}, context);
      image.src = static_cast<const std::byte*>(image.src) + norm.ld_src * src_pixels;
      if (norm.src2 != nullptr) {
        image.src2 = static_cast<const std::byte*>(image.src2) + norm.ld_src2 * src_pixels;
      }
      image.dst = static_cast<std::byte*>(image.dst) + norm.ld_dst * dst_pixels;
    }
  };
}

LineStep lower_group_norm_lines(Lowering& lowering) {
  const kernels::NormKernels& kernel = select_kernel(lowering);
  kernels::GroupNorm norm = make_group_norm(lowering);
  const auto scales = set_u8(lowering, norm);
  auto* map = lowering.line_state<float>();
  const auto image_of = [norm, scales](const LineCall& call) {
    kernels::GroupNorm image = norm;
    image.src = call.operands[NormSlots::x];
    image.src2 = call.operands[NormSlots::x2];
    image.dst = call.result;
    return image;
  };
  // The map outlives the other steps of the chain, which use the same work space.
  const auto scratch_of = [norm, map](const RunContext& context) {
    GroupNormScratch scratch(context.scratch_of(0), norm);
    scratch.scale = map;
    scratch.shift = map + norm.channels;
    return scratch;
  };
  const int64_t width = lowering.output_shape()[2];
  return {.begin =
              [=](const RunContext& context, const LineCall& call) {
                find_affine_map(kernel, image_of(call), scratch_of(context), context);
              },
          .run =
              [=](const RunContext& context, const LineCall& call) {
                const Lines pixels = {call.lines.begin * width, call.lines.end * width};
                apply_affine_map(kernel, image_of(call), scratch_of(context), pixels, context);
              }};
}

StepFunction lower_layer_norm(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::LayerNormAttrs>();
  const kernels::NormKernels& kernel = select_kernel(lowering);
  const Shape& shape = lowering.output_shape();
  kernels::LayerNorm norm;
  norm.src = lowering.src<std::byte>(NormSlots::x);
  norm.dst = lowering.dst<std::byte>();
  norm.channels = static_cast<size_t>(shape[-1]);
  norm.ld_src = norm.ld_dst = norm.channels;
  norm.gamma = lowering.vector_f32(NormSlots::gamma);
  norm.beta = lowering.vector_f32(NormSlots::beta);
  norm.eps = attrs.eps;
  const auto scales = set_u8(lowering, norm);
  return [kernel, norm, scales, rows = shape.rows()](const RunContext& context) {
    context.pool.parallel_for(rows, [&](int64_t begin, int64_t end, int) {
      kernel.layer_norm(norm, static_cast<size_t>(begin), static_cast<size_t>(end));
    });
  };
}

}  // namespace edgefusion::engine
