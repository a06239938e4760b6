#include "kernels/gemm/gemm_scalar.h"

#include <algorithm>

#include "kernels/activation.h"

namespace edgefusion::kernels {
namespace {

template <DType kWeights>
void gemm_scalar(const GemmArgs& args, const GemmRange& range, void*) noexcept {
  constexpr int64_t kColumns = kScalarTile.columns;
  for (int64_t panel = range.panel_begin; panel < range.panel_end; ++panel) {
    const int64_t first = panel * kColumns;
    const int64_t columns = std::min(kColumns, args.outputs - first);
    for (int64_t m = range.row_begin; m < range.row_end; ++m) {
      float sum[kColumns] = {};
      if (args.epilogue.bias != nullptr) std::copy_n(args.epilogue.bias + first, columns, sum);
      for (int64_t k = 0; k < args.depth; ++k) {
        const float left = args.src[m * args.src_stride + k];
        const int64_t weights = (panel * args.depth + k) * kColumns;
        for (int64_t c = 0; c < kColumns; ++c) {
          sum[c] += left * scalar_weight<kWeights>(args.packed_weights, weights + c);
        }
      }
      for (int64_t c = 0; c < columns; ++c) {
        args.dst[m * args.dst_stride + first + c] =
            finish_scalar(args.epilogue, m, first + c, sum[c]);
      }
    }
  }
}

}  // namespace

float finish_scalar(const Epilogue& epilogue, int64_t row, int64_t column, float sum) {
  if (epilogue.residual == nullptr) return activate(epilogue.activation, sum);
  const float residual = epilogue.residual[row * epilogue.residual_stride + column];
  if (epilogue.activation_after_residual) return activate(epilogue.activation, sum + residual);
  return activate(epilogue.activation, sum) + residual;
}

GemmFunction scalar_gemm(DType weights) {
  if (weights == DType::f16) return gemm_scalar<DType::f16>;
  if (weights == DType::bf16) return gemm_scalar<DType::bf16>;
  return gemm_scalar<DType::f32>;
}

}  // namespace edgefusion::kernels
