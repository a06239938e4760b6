// The kernel of attention_bf16_amx.cc on emulated tiles: part of the tests only.

#if defined(__x86_64__)

#include "kernels/amx/amx_emulated.h"
#include "kernels/attention/attention_bf16_amx-inl.h"

namespace edgefusion::kernels {

AttentionFunctions attention_bf16_64_amx_emulated() {
  using Kernel = Stream<AmxBf16<EmulatedTiles>>;
  return {Kernel::scratch_floats, Kernel::run, kTile};
}

}  // namespace edgefusion::kernels

#endif  // defined(__x86_64__)
