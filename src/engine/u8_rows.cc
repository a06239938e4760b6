#include "engine/u8_rows.h"

#include <memory>
#include <vector>

#include "kernels/quantize/quantize.h"

namespace edgefusion::engine {

RowFunction u8_row_function(const Lowering& lowering) {
  const auto& attrs = lowering.node().as<graph::ConvertAttrs>();
  const bool from_u8 = lowering.dtype(0) == DType::u8, to_u8 = lowering.output_dtype() == DType::u8;
  if (!from_u8 && !to_u8) return nullptr;
  EF_CHECK(from_u8 != to_u8, "u8 is converted from or to floats");
  const auto columns = static_cast<size_t>(lowering.output_shape()[-1]);
  const int zero_point = attrs.u8->zero_point;
  if (from_u8) {
    const auto& kernel = kernels::select_quantize(lowering.isa(), lowering.output_dtype());
    return [=, run = kernel.dequantize, u8 = attrs.u8](const void* src, void* dst, size_t row0,
                                                       size_t row1) {
      run({.src = static_cast<const uint8_t*>(src),
           .dst = dst,
           .ld_src = columns,
           .ld_dst = columns,
           .columns = columns,
           .scale = u8->scale.data(),
           .zero_point = zero_point},
          row0, row1);
    };
  }
  const auto& kernel = kernels::select_quantize(lowering.isa(), lowering.dtype(0));
  auto inverse = std::make_shared<std::vector<float>>();
  for (const float scale : attrs.u8->scale) inverse->push_back(1.0f / scale);
  return [=, run = kernel.quantize](const void* src, void* dst, size_t row0, size_t row1) {
    run({.src = src,
         .dst = static_cast<uint8_t*>(dst),
         .ld_src = columns,
         .ld_dst = columns,
         .columns = columns,
         .inverse_scale = inverse->data(),
         .zero_point = zero_point},
        row0, row1);
  };
}

}  // namespace edgefusion::engine
