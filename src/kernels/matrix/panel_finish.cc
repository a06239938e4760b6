#include "kernels/matrix/panel_finish.h"

#include <algorithm>

namespace edgefusion::kernels {
namespace {

size_t offset_bytes(int64_t elements, DType type) {
  return static_cast<size_t>(elements) * (type == DType::f32 ? sizeof(float) : sizeof(uint16_t));
}

}  // namespace

PanelFinish::PanelFinish(const MatrixArgs& args, FinishFunction function, int columns_of_panel,
                         int64_t panel, int64_t image)
    : args_(args), function_(function) {
  const MatrixEpilogue& e = args.epilogue;
  const PanelColumns columns(args.shape.outputs, e.geglu, columns_of_panel);
  first_result_ = panel * columns.width();
  for (int c = 0; c < columns_of_panel; ++c) {
    const int64_t output = columns.output(panel, c);
    if (output < 0) continue;
    if (e.bias != nullptr) bias_[c] = e.bias[output];
    if (e.image_add != nullptr) bias_[c] += e.image_add[image * args.shape.outputs + output];
  }
  finish_.columns =
      static_cast<int>(std::min<int64_t>(columns.width(), columns.results() - first_result_));
  finish_.gate = e.geglu ? columns.width() : 0;
  finish_.activation = e.activation;
  finish_.activation_after_residual = e.activation_after_residual;
  finish_.residual_type = e.residual_type;
  finish_.residual_stride = e.residual_stride;
  finish_.dst_type = args.dst_type;
  finish_.dst_stride = args.dst_stride;
}

void PanelFinish::apply(const float* sums, int64_t pixel, int64_t count) const {
  FinishPanel finish = finish_;
  const MatrixEpilogue& e = args_.epilogue;
  finish.bias = bias_;
  finish.sums = sums;
  finish.rows = count;
  finish.dst = static_cast<std::byte*>(args_.dst) +
               offset_bytes(pixel * args_.dst_stride + first_result_, args_.dst_type);
  if (e.residual != nullptr) {
    finish.residual = static_cast<const std::byte*>(e.residual) +
                      offset_bytes(pixel * e.residual_stride + first_result_, e.residual_type);
  }
  function_(finish);
}

}  // namespace edgefusion::kernels
