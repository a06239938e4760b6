#pragma once

#include <cstdint>

#include "kernels/highway_dispatch.h"

namespace edgefusion::kernels {

using PeakFunction = int64_t (*)(int64_t rounds) noexcept;
HighwayVariants<PeakFunction> peak_f32_variants();
#if defined(__x86_64__)
int64_t peak_bf16_avx512(int64_t rounds) noexcept;
int64_t peak_bf16_amx(int64_t rounds) noexcept;
int64_t peak_u8_avx512_vnni(int64_t rounds) noexcept;
int64_t peak_u8_amx(int64_t rounds) noexcept;
#elif defined(__aarch64__)
int64_t peak_bf16_neon(int64_t rounds) noexcept;
int64_t peak_u8_neon_dot(int64_t rounds) noexcept;
#endif

}  // namespace edgefusion::kernels
