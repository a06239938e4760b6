#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/matrix/matrix.h"
#include "kernels/matrix/panel_kernel.h"

// The contract of quantised layers: linear layers and convolutions on u8 activations and s8
// weights.
//
//   sum[n,y,x,o] = sum_{tap,i} (in[...,i] - zero_point) * weights[o,i,tap]          exact in s32
//   dst          = epilogue(float(sum) * weight_scale[o] (* row_scale)
//                         + (bias[o] + image_add[n,o]))
//
// `in` as in kernels/conv/conv.h, outside of the picture zero_point. A source of bf16 is quantised
// on the way, block by block, as kernels/quantize/quantize.h says. Scales of input channels are not
// seen here: whoever quantises the weights has multiplied them in.
// The epilogue is matrix.h's. Products and sums of floats are not fused (f32 steps in the order
// written), so that every instruction set gives the same bits as long as the epilogue has no
// activation but relu.
// Method winograd (3x3, stride 1; F(2x2,3x3)): the 16 positions of a transformed patch are
// quantised,
//   v = B^T d B, d = value * inverse_scale[channel] or in - zero_point;
//   q = clamp(nearbyint(v * position_inverse_scale[p]), -127, 127) exact sums in s32 for each
//   position, times (its scale of weights * its scale of values), then A^T s A in f32.

namespace edgefusion::kernels {

enum class Int8Method : uint8_t { direct, winograd };

/// Weights as the quantiser made them; element (o, i, tap)
/// is data[(o * inputs + i) * taps + tap].
struct Int8Weights {
  const int8_t* data = nullptr;
  const float* scales = nullptr;  ///< [outputs]
  int64_t outputs = 0, inputs = 0, taps = 1;
  int64_t depth() const { return inputs * taps; }
};

struct Int8MatrixArgs {
  ConvShape shape;
  /// Of both sources: u8, or bf16 (direct: only 1x1, stride 1, neither padded nor enlarged).
  DType src_type = DType::u8;
  const void* src = nullptr;
  int64_t src_stride = 0;  ///< elements
  const void* src2 = nullptr;
  int64_t src2_stride = 0;
  int zero_point = 128;
  /// Of bf16 sources: [inputs], those of src before those of src2.
  const float* inverse_scale = nullptr;
  /// Bf16, direct: scales of rows are found from the rows, over both sources; the zero point is 128
  /// whatever zero_point says.
  bool dynamic = false;
  int hadamard = 0;  ///< bf16, direct: as in QuantizeRows, over the inputs of both sources
  const float* position_inverse_scale = nullptr;  ///< [16], winograd

  const void* packed_weights = nullptr;
  void* dst = nullptr;                       ///< [N,OH,OW,outputs or half], overlaps no input
  DType dst_type = DType::bf16;              ///< f32, bf16, or u8 quantised by:
  const float* dst_inverse_scale = nullptr;  ///< [results]
  int dst_zero_point = 128;
  int64_t dst_stride = 0;
  MatrixEpilogue epilogue;
};

/// A range counts the row's own units: output pixels, or tiles of them.
struct Int8MatrixRow {
  std::string name;  ///< "matrix_int8_direct_12x32_avx512_vnni"
  IsaSet needs;
  Int8Method method = Int8Method::direct;
  const PanelKernelOf<PanelProductU8>* panel = nullptr;
  bool (*takes)(const Int8MatrixRow&, const ConvShape&) noexcept = nullptr;
  /// Estimated cycles of one thread for the whole.
  double (*cost)(const Int8MatrixRow&, const ConvShape&) noexcept = nullptr;
  int64_t (*units)(const ConvShape&) noexcept = nullptr;
  int64_t unit_lines = 1;
  int64_t (*unit_tile)(const Int8MatrixRow&) noexcept = nullptr;
  size_t (*packed_bytes)(const Int8MatrixRow&, const Int8Weights&) noexcept = nullptr;
  /// Packs panels [begin, end), their scales and what the zero point takes off.
  void (*pack)(const Int8MatrixRow&, const Int8Weights&, bool geglu, int64_t begin, int64_t end,
               void* packed) noexcept = nullptr;
  size_t (*scratch_bytes)(const Int8MatrixRow&, const Int8MatrixArgs&) noexcept = nullptr;
  void (*run)(const Int8MatrixRow&, const Int8MatrixArgs&, const GemmRange&,
              void* scratch) noexcept = nullptr;

  int64_t panels(int64_t outputs) const;
};

/// Whether a layer of that shape can run by the method at all (on every instruction set): channel
/// counts are multiples of 4; winograd: 3x3 with stride 1.
bool int8_matrix_takes(const ConvShape& shape, Int8Method method);

std::span<const Int8MatrixRow> int8_matrix_table();

/// The cheapest row of that method that `isa` can run; every shape that int8_matrix_takes has one.
const Int8MatrixRow& select_int8_matrix(IsaSet isa, const ConvShape& shape, Int8Method method);

void list_int8_matrix_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
