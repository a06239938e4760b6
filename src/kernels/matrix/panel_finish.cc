#include "kernels/matrix/panel_finish.h"

#include <algorithm>

namespace edgefusion::kernels {
namespace {

int64_t offset_bytes(int64_t elements, DType type) {
  return elements * static_cast<int64_t>(size_of(type));
}

}  // namespace

PanelFinish::PanelFinish(const MatrixArgs& args, FinishFunction function, int columns,
                         int64_t panel, int64_t image)
    : layer_{args.shape.outputs, args.epilogue, static_cast<std::byte*>(args.dst)},
      function_(function) {
  finish_.dst_type = args.dst_type;
  finish_.dst_stride = args.dst_stride;
  set_columns(columns, panel, image);
}

PanelFinish::PanelFinish(const Int8MatrixArgs& args, FinishFunction function, int columns,
                         int64_t panel, int64_t image)
    : layer_{args.shape.outputs, args.epilogue, static_cast<std::byte*>(args.dst)},
      function_(function) {
  finish_.dst_type = args.dst_type;
  finish_.dst_stride = args.dst_stride;
  finish_.dst_zero_point = args.dst_zero_point;
  set_columns(columns, panel, image);
  if (args.dst_type == DType::u8)
    finish_.dst_inverse_scale = args.dst_inverse_scale + first_result_;
}

void PanelFinish::set_columns(int columns_of_panel, int64_t panel, int64_t image) {
  const MatrixEpilogue& e = layer_.epilogue;
  const PanelColumns columns(layer_.outputs, e.geglu, columns_of_panel);
  first_result_ = panel * columns.width();
  for (int c = 0; c < columns_of_panel; ++c) {
    const int64_t output = columns.output(panel, c);
    if (output < 0) continue;
    if (e.bias != nullptr) bias_[c] = e.bias[output];
    if (e.image_add != nullptr) bias_[c] += e.image_add[image * layer_.outputs + output];
  }
  finish_.columns =
      static_cast<int>(std::min<int64_t>(columns.width(), columns.results() - first_result_));
  finish_.gate = e.geglu ? columns.width() : 0;
  finish_.activation = e.activation;
  finish_.activation_after_residual = e.activation_after_residual;
  finish_.residual_type = e.residual_type;
  finish_.residual_stride = e.residual_stride;
}

void PanelFinish::apply(const float* sums, int64_t pixel, int64_t count,
                        const float* column_scale) const {
  FinishPanel finish = finish_;
  finish.sums = sums;
  finish.column_scale = column_scale;
  apply(finish, pixel, count);
}

void PanelFinish::apply(const int32_t* sums, const IntColumns& columns, const float* row_scale,
                        int64_t pixel, int64_t count) const {
  alignas(64) int32_t offset[kPanelColumns];
  for (int c = 0; c < kPanelColumns; ++c) {  // unsigned: sums wrap
    offset[c] = static_cast<int32_t>(0u - static_cast<uint32_t>(columns.zero_point) *
                                              static_cast<uint32_t>(columns.weight_sums[c]));
  }
  FinishPanel finish = finish_;
  finish.int_sums = sums;
  finish.column_offset = offset;
  finish.column_scale = columns.scales;
  finish.row_scale = row_scale;
  apply(finish, pixel, count);
}

void PanelFinish::apply(FinishPanel finish, int64_t pixel, int64_t count) const {
  const MatrixEpilogue& e = layer_.epilogue;
  finish.bias = bias_;
  finish.rows = count;
  finish.dst =
      layer_.dst + offset_bytes(pixel * finish.dst_stride + first_result_, finish.dst_type);
  if (e.residual != nullptr) {
    finish.residual = static_cast<const std::byte*>(e.residual) +
                      offset_bytes(pixel * e.residual_stride + first_result_, e.residual_type);
  }
  function_(finish);
}

}  // namespace edgefusion::kernels
