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

void run_group_norm(const kernels::NormKernels& kernel, const kernels::GroupNorm& norm,
                    const RunContext& context) {
  // Thread 0's work space; the pool's loops are barriers between the three parts.
  const GroupNormScratch scratch(context.scratch_of(0), norm);
  const auto chunks = static_cast<int64_t>(kernels::group_norm_chunks(norm.pixels));
  context.pool.parallel_for(chunks, [&](int64_t begin, int64_t end, int) {
    kernel.group_norm_moments(norm, static_cast<size_t>(begin), static_cast<size_t>(end),
                              scratch.moments);
  });
  kernel.group_norm_merge(norm, scratch.moments, scratch.scale, scratch.shift);
  context.pool.parallel_for(
      static_cast<int64_t>(norm.pixels), [&](int64_t begin, int64_t end, int) {
        kernel.group_norm_apply(norm, scratch.scale, scratch.shift, static_cast<size_t>(begin),
                                static_cast<size_t>(end));
      });
}

}  // namespace

StepFunction lower_group_norm(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::GroupNormAttrs>();
  const kernels::NormKernels& kernel = kernels::select_norm(lowering.isa(), lowering.output_dtype());
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
  return [kernel, norm, batch = shape[0]](const RunContext& context) {
    kernels::GroupNorm image = norm;
    const size_t pixel_bytes = size_of(kernel.dtype) * norm.pixels;
    for (int64_t entry = 0; entry < batch; ++entry) {
      run_group_norm(kernel, image, context);
      image.src = static_cast<const std::byte*>(image.src) + norm.ld_src * pixel_bytes;
      if (norm.src2 != nullptr) {
        image.src2 = static_cast<const std::byte*>(image.src2) + norm.ld_src2 * pixel_bytes;
      }
      image.dst = static_cast<std::byte*>(image.dst) + norm.ld_dst * pixel_bytes;
    }
  };
}

StepFunction lower_layer_norm(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::LayerNormAttrs>();
  const kernels::NormKernels& kernel = kernels::select_norm(lowering.isa(), lowering.output_dtype());
  const Shape& shape = lowering.output_shape();
  kernels::LayerNorm norm;
  norm.src = lowering.src<std::byte>(NormSlots::x);
  norm.dst = lowering.dst<std::byte>();
  norm.channels = static_cast<size_t>(shape[-1]);
  norm.ld_src = norm.ld_dst = norm.channels;
  norm.gamma = lowering.vector_f32(NormSlots::gamma);
  norm.beta = lowering.vector_f32(NormSlots::beta);
  norm.eps = attrs.eps;
  return [kernel, norm, rows = shape.rows()](const RunContext& context) {
    context.pool.parallel_for(rows, [&](int64_t begin, int64_t end, int) {
      kernel.layer_norm(norm, static_cast<size_t>(begin), static_cast<size_t>(end));
    });
  };
}

}  // namespace edgefusion::engine
