// The choice among the functions that expand weights.

#include "kernels/matrix/expanded/expand_highway.h"
#include "kernels/matrix/expanded/expand_rows.h"
#include "kernels/matrix/expanded/packed_panel.h"

namespace edgefusion::kernels {
namespace {

ExpandFunction best_of(const HighwayVariants<ExpandFunction>& variants, IsaSet isa,
                       ExpandFunction scalar) {
  const ExpandFunction best = variants.best(isa);
  return best != nullptr ? best : scalar;
}

}  // namespace

ExpandFunctions select_expand(IsaSet isa) {
  ExpandFunctions best = {
      .s8 = best_of(expand_s8_variants(), isa, expand_s8_scalar),
      .s4 = best_of(expand_s4_variants(), isa, expand_s4_scalar),
      .palette = best_of(expand_palette_variants(), isa, expand_palette_scalar)};
#if defined(__x86_64__)
  if (isa.has(Isa::avx512)) {
    best.s8 = expand_s8_avx512;
    best.palette = expand_palette_avx512;
    if (isa.has(Isa::avx512_bf16)) best.s4 = expand_s4_avx512_bf16;
  }
#endif
  return best;
}

}  // namespace edgefusion::kernels
