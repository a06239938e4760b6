#pragma once

#include "kernels/matrix/finish_panel.h"
#include "kernels/matrix/matrix.h"
#include "kernels/matrix/pack.h"

namespace edgefusion::kernels {

/// The epilogue of one panel of `columns` for the pixels of one image, ready to be applied to runs
/// of them.
class PanelFinish {
 public:
  PanelFinish(const MatrixArgs& args, FinishFunction function, int columns, int64_t panel,
              int64_t image);

  /// sums: [count, kPanelColumns] of the output pixels [pixel, pixel + count).
  void apply(const float* sums, int64_t pixel, int64_t count) const;

 private:
  const MatrixArgs& args_;
  FinishFunction function_;
  int64_t first_result_;
  FinishPanel finish_;
  alignas(64) float bias_[kPanelColumns] = {};
};

}  // namespace edgefusion::kernels
