#include "engine/lowering.h"
#include "kernels/elementwise/rows.h"

namespace edgefusion::engine {

StepFunction lower_concat(Lowering& lowering) {
  const Shape& out = lowering.output_shape();
  const size_t out_row = static_cast<size_t>(out[-1]) * lowering.element_bytes();
  std::vector<kernels::CopyRows> copies;
  size_t offset = 0;
  for (size_t slot = 0; slot < lowering.node().inputs.size(); ++slot) {
    const size_t row = static_cast<size_t>(lowering.shape(slot)[-1]) * lowering.element_bytes();
    std::byte* dst = lowering.dst<std::byte>();
    copies.push_back({.src = lowering.src<std::byte>(slot),
                      .dst = dst == nullptr ? nullptr : dst + offset,
                      .src_stride_bytes = row,
                      .dst_stride_bytes = out_row,
                      .row_bytes = row});
    offset += row;
  }
  return [copies = std::move(copies), rows = out.rows()](const RunContext& context) {
    context.pool.parallel_for(rows, [&](int64_t begin, int64_t end, int) {
      for (const auto& copy : copies) {
        kernels::copy_rows(copy, static_cast<size_t>(begin), static_cast<size_t>(end));
      }
    });
  };
}

StepFunction lower_slice(Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::SliceAttrs>();
  const Shape& in = lowering.shape(0);
  const int axis = attrs.axis < 0 ? attrs.axis + in.rank() : attrs.axis;
  int64_t inner = 1, outer = 1;
  for (int i = axis + 1; i < in.rank(); ++i) inner *= in[i];
  for (int i = 0; i < axis; ++i) outer *= in[i];
  const size_t unit = static_cast<size_t>(inner) * lowering.element_bytes();
  const size_t row = static_cast<size_t>(attrs.end - attrs.begin) * unit;
  const std::byte* src = lowering.src<std::byte>(0);
  const kernels::CopyRows copy = {
      .src = src == nullptr ? nullptr : src + static_cast<size_t>(attrs.begin) * unit,
      .dst = lowering.dst<std::byte>(),
      .src_stride_bytes = static_cast<size_t>(in[axis]) * unit,
      .dst_stride_bytes = row,
      .row_bytes = row};
  return [copy, outer](const RunContext& context) {
    context.pool.parallel_for(outer, [&](int64_t begin, int64_t end, int) {
      kernels::copy_rows(copy, static_cast<size_t>(begin), static_cast<size_t>(end));
    });
  };
}

StepFunction lower_resize_nearest(Lowering& lowering) {
  const Shape& in = lowering.shape(0);
  const Shape& out = lowering.output_shape();
  kernels::ResizeNearest image;
  const std::byte* src = lowering.src<std::byte>(0);
  std::byte* dst = lowering.dst<std::byte>();
  image.src_height = static_cast<size_t>(in[1]);
  image.src_width = static_cast<size_t>(in[2]);
  image.dst_height = static_cast<size_t>(out[1]);
  image.dst_width = static_cast<size_t>(out[2]);
  image.pixel_bytes = static_cast<size_t>(out[3]) * lowering.element_bytes();
  const size_t src_bytes = image.src_height * image.src_width * image.pixel_bytes;
  const size_t dst_bytes = image.dst_height * image.dst_width * image.pixel_bytes;
  return [=, batch = out[0]](const RunContext& context) {
    kernels::ResizeNearest entry = image;
    for (int64_t n = 0; n < batch; ++n) {
      entry.src = src + static_cast<size_t>(n) * src_bytes;
      entry.dst = dst + static_cast<size_t>(n) * dst_bytes;
      context.pool.parallel_for(
          static_cast<int64_t>(entry.dst_height), [&](int64_t begin, int64_t end, int) {
            kernels::resize_nearest(entry, static_cast<size_t>(begin), static_cast<size_t>(end));
          });
    }
  };
}

}  // namespace edgefusion::engine
