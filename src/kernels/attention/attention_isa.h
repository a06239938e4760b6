#pragma once

#include "kernels/attention/attention_args.h"

// What files compiled for one instruction set offer to the table. Nothing of the standard library
// beyond <cstddef> may come in here: see attention_args.h.

namespace edgefusion::kernels {

/// What differs between the rows of the table.
struct AttentionFunctions {
  size_t (*scratch_floats)(size_t head_size, size_t value_size) noexcept;
  void (*run)(const Attention& attention, size_t row0, size_t row1, float* scratch) noexcept;
  size_t row_tile;
};

// In x86 builds.
AttentionFunctions attention_bf16_64_avx512_bf16();
AttentionFunctions attention_bf16_64_amx_bf16();
AttentionFunctions attention_int8_64_avx512_vnni();
AttentionFunctions attention_int8_64_avx2();
// In tests on x86 only: the same kernel without AMX, slow; and 2^x of 16 numbers, as weights and as
// what multiplies sums.
AttentionFunctions attention_bf16_64_amx_emulated();
void exponentials_of_bf16_attention(const float* x, float* for_weights, float* for_sums);

// In Arm builds.
AttentionFunctions attention_bf16_64_neon_bf16();
AttentionFunctions attention_int8_64_neon_dot();
AttentionFunctions attention_int8_64_neon();

}  // namespace edgefusion::kernels
