#pragma once

#include "kernels/matrix/finish_panel.h"
#include "kernels/matrix/int8/int8_matrix.h"
#include "kernels/matrix/matrix.h"
#include "kernels/matrix/pack.h"

namespace edgefusion::kernels {

/// What makes floats of the sums of integers of one panel, as packed weights hold it.
struct IntColumns {
  const float* scales = nullptr;         ///< [kPanelColumns], 64-byte aligned
  const int32_t* weight_sums = nullptr;  ///< [kPanelColumns]: of a column, over the depth
  int zero_point = 0;                    ///< that of the rows
};

/// The epilogue of one panel of `columns` for the pixels of one image, ready to be applied to runs
/// of them.
class PanelFinish {
 public:
  PanelFinish(const MatrixArgs& args, FinishFunction function, int columns, int64_t panel,
              int64_t image);
  PanelFinish(const Int8MatrixArgs& args, FinishFunction function, int columns, int64_t panel,
              int64_t image);

  /// sums: [count, kPanelColumns] of the output pixels [pixel, pixel + count), to be multiplied by
  /// column_scale [kPanelColumns], 64-byte aligned, or null.
  void apply(const float* sums, int64_t pixel, int64_t count,
             const float* column_scale = nullptr) const;
  /// row_scale: [count]; null: ones.
  void apply(const int32_t* sums, const IntColumns& columns, const float* row_scale, int64_t pixel,
             int64_t count) const;

 private:
  struct Layer {
    int64_t outputs;
    const MatrixEpilogue& epilogue;
    std::byte* dst;
  };

  void set_columns(int columns, int64_t panel, int64_t image);
  void apply(FinishPanel finish, int64_t pixel, int64_t count) const;

  Layer layer_;
  FinishFunction function_;
  int64_t first_result_ = 0;
  FinishPanel finish_;
  alignas(64) float bias_[kPanelColumns] = {};
};

}  // namespace edgefusion::kernels
