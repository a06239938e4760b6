#pragma once

#include "kernels/matrix/expanded/expand_panel.h"

// The functions behind expand_table.cc that are written for one instruction set each. These files
// include this, so nothing of the standard library may come in here: see expand_panel.h.

namespace edgefusion::kernels {

void expand_s8_scalar(const ExpandBlocks& work) noexcept;
void expand_s4_scalar(const ExpandBlocks& work) noexcept;
void expand_palette_scalar(const ExpandBlocks& work) noexcept;

#if defined(__x86_64__)
void expand_s8_avx512(const ExpandBlocks& work) noexcept;
void expand_s4_avx512_bf16(const ExpandBlocks& work) noexcept;
void expand_palette_avx512(const ExpandBlocks& work) noexcept;
#endif

}  // namespace edgefusion::kernels
