#pragma once

#include "kernels/matrix/panel_product.h"

// The functions behind the table in panel_int8_table.cc, one file per instruction set and in it one
// function for each kind of rows. Nothing of the standard library may come in here: see
// panel_product.h.

namespace edgefusion::kernels {

void multiply_int8_scalar(const PanelProductU8& product) noexcept;
void multiply_int8_scalar(const PanelProductS8& product) noexcept;

#if defined(__x86_64__)
void multiply_int8_avx2(const PanelProductU8& product) noexcept;
void multiply_int8_avx2(const PanelProductS8& product) noexcept;
void prepare_int8_avx2(const PanelProductU8& product, void* prepared) noexcept;
void prepare_int8_avx2(const PanelProductS8& product, void* prepared) noexcept;
size_t prepared_bytes_int8_avx2(int64_t rows, int64_t depth) noexcept;

void multiply_int8_avx512_vnni(const PanelProductU8& product) noexcept;
void multiply_int8_avx512_vnni(const PanelProductS8& product) noexcept;

void multiply_int8_amx(const PanelProductU8& product) noexcept;
void multiply_int8_amx(const PanelProductS8& product) noexcept;
void prepare_int8_amx(const PanelProductU8& product, void* prepared) noexcept;
void prepare_int8_amx(const PanelProductS8& product, void* prepared) noexcept;
size_t prepared_bytes_int8_amx(int64_t rows, int64_t depth) noexcept;
#elif defined(__aarch64__)
void multiply_int8_neon(const PanelProductU8& product) noexcept;
void multiply_int8_neon(const PanelProductS8& product) noexcept;
void prepare_int8_neon(const PanelProductU8& product, void* prepared) noexcept;
void prepare_int8_neon(const PanelProductS8& product, void* prepared) noexcept;
size_t prepared_bytes_int8_neon(int64_t rows, int64_t depth) noexcept;

void multiply_int8_neon_dot(const PanelProductU8& product) noexcept;
void multiply_int8_neon_dot(const PanelProductS8& product) noexcept;

void multiply_int8_neon_i8mm(const PanelProductU8& product) noexcept;
void multiply_int8_neon_i8mm(const PanelProductS8& product) noexcept;
#endif

}  // namespace edgefusion::kernels
