#pragma once

#include <cstddef>
#include <cstdint>

// Intel AMX: eight tile registers of up to 16 rows of 64 bytes, and products of them. Kernels are
// templates over this interface, so that amx_emulated.h can stand in for it in tests. Register
// numbers are template parameters and go into inline assembly as immediates: the _tile_* macros of
// g++ 12 paste their arguments as text, and may drop stores to a configuration being loaded.
//
// Only for CPUs with Isa::amx_bf16 (or amx_int8), whose tile state core/cpu_features.h has asked
// the operating system for.

namespace edgefusion::kernels {
namespace {

/// The shape of each tile, as LDTILECFG reads it.
struct alignas(64) AmxConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  /// All eight tiles at their full size.
  static AmxConfig full() {
    AmxConfig config;
    for (int t = 0; t < 8; ++t) {
      config.row_bytes[t] = 64;
      config.rows[t] = 16;
    }
    return config;
  }
};

struct AmxTiles {
  /// Tiles are this thread's to use while one of these lives; one at a time.
  class Session {
   public:
    explicit Session(const AmxConfig& config = AmxConfig::full()) {
      asm volatile("ldtilecfg %0" ::"m"(config));
    }
    ~Session() { asm volatile("tilerelease"); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
  };

  template <int kDst>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(kDst));
  }
  /// Rows `stride` bytes apart. Rows that start on a cache line are read twice as fast.
  template <int kDst>
  static void load(const void* from, size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kDst) : "memory");
  }
  template <int kSrc>
  static void store(void* to, size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kSrc) : "memory");
  }
  /// f32 sum[m, n] += over pairs p of a[m, p] . b[p, n], two bf16 each.
  template <int kSum, int kA, int kB>
  static void dot_bf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
  /// int32 sum[m, n] += over quads p of a[m, p] . b[p, n], four int8 each.
  template <int kSum, int kA, int kB>
  static void dot_s8s8() {
    asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
  /// As dot_s8s8, a unsigned.
  template <int kSum, int kA, int kB>
  static void dot_u8s8() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
};

}  // namespace
}  // namespace edgefusion::kernels
