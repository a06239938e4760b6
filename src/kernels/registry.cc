#include "kernels/registry.h"

#include "kernels/attention/attention.h"
#include "kernels/conv/conv.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gemm/gemm.h"
#include "kernels/matrix/int8/int8_matrix.h"
#include "kernels/matrix/int8/panel_int8.h"
#include "kernels/matrix/matrix.h"
#include "kernels/norm/norm.h"
#include "kernels/quantize/quantize.h"

namespace edgefusion::kernels {
namespace {

using ListFunction = void (*)(IsaSet, std::vector<KernelInfo>&);

/// One line per family.
constexpr ListFunction kFamilies[] = {
    list_gemm_kernels,        list_conv_kernels,        list_matrix_kernels,
    list_int8_matrix_kernels, list_int8_panel_kernels,  list_attention_kernels,
    list_norm_kernels,        list_elementwise_kernels, list_quantize_kernels,
};

}  // namespace

std::vector<KernelInfo> list_kernels(IsaSet isa) {
  std::vector<KernelInfo> kernels;
  for (const ListFunction list : kFamilies) list(isa, kernels);
  return kernels;
}

}  // namespace edgefusion::kernels
