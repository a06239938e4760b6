// The row of the table for AMX.

#if defined(__x86_64__)

#include "kernels/attention/attention_bf16_amx-inl.h"

namespace edgefusion::kernels {

AttentionFunctions attention_bf16_64_amx_bf16() {
  using Kernel = Stream<Bf16Rows<AmxBf16<AmxTiles>>>;
  return {Kernel::scratch_floats, Kernel::run, kTile};
}

}  // namespace edgefusion::kernels

#endif  // defined(__x86_64__)
