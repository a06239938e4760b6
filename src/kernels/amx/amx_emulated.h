#pragma once

#include <cstring>

#include "kernels/amx/amx_tile.h"

// The interface of AmxTiles in plain C++, slow: for tests of kernels on machines without AMX.

namespace edgefusion::kernels {
namespace {

class EmulatedTiles {
  struct Tile {
    unsigned char bytes[16][64];
  };
  struct State {
    Tile tiles[8];
    AmxConfig config;
    bool configured = false;
  };
  static State& state() {
    static thread_local State state;
    return state;
  }
  static Tile& tile(int number) {
    // As the processor would, stop on any use outside of a session.
    if (!state().configured) __builtin_trap();
    return state().tiles[number];
  }
  static int rows(int number) { return state().config.rows[number]; }
  static size_t row_bytes(int number) { return state().config.row_bytes[number]; }

  template <class T>
  static T element(const unsigned char* row, size_t index) {
    T value;
    std::memcpy(&value, row + index * sizeof(T), sizeof(T));
    return value;
  }
  /// Subnormals count as zero, as in TDPBF16PS.
  static float from_bf16(uint16_t bits) {
    const uint32_t wide = (bits & 0x7f80u) == 0 ? (bits & 0x8000u) << 16 : uint32_t{bits} << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
  }

  /// sum[m, n] += over p of `dot`(a's 4 bytes [m, p], b's 4 bytes [p, n]), added to what there is.
  template <class Sum, class Dot>
  static void multiply(int sum, int a, int b, Dot&& dot) {
    for (int m = 0; m < rows(sum); ++m) {
      for (size_t n = 0; n < row_bytes(sum) / 4; ++n) {
        Sum total = element<Sum>(tile(sum).bytes[m], n);
        for (size_t p = 0; p < row_bytes(a) / 4; ++p) {
          total = dot(total, tile(a).bytes[m] + 4 * p, tile(b).bytes[p] + 4 * n);
        }
        std::memcpy(tile(sum).bytes[m] + 4 * n, &total, sizeof total);
      }
    }
  }
  /// Sums wrap, as the processor's do.
  template <class A, class B>
  static int32_t dot_bytes(int32_t total, const unsigned char* a, const unsigned char* b) {
    auto sum = static_cast<uint32_t>(total);
    for (size_t i = 0; i < 4; ++i) {
      sum += static_cast<uint32_t>(int32_t{element<A>(a, i)} * element<B>(b, i));
    }
    return static_cast<int32_t>(sum);
  }

 public:
  class Session {
   public:
    explicit Session(const AmxConfig& config = AmxConfig::full()) {
      state().config = config;
      state().configured = true;
      std::memset(state().tiles, 0, sizeof state().tiles);
    }
    ~Session() { state().configured = false; }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
  };

  template <int kDst>
  static void zero() {
    std::memset(&tile(kDst), 0, sizeof(Tile));
  }
  template <int kDst>
  static void load(const void* from, size_t stride) {
    zero<kDst>();
    for (int r = 0; r < rows(kDst); ++r) {
      std::memcpy(tile(kDst).bytes[r],
                  static_cast<const unsigned char*>(from) + static_cast<size_t>(r) * stride,
                  row_bytes(kDst));
    }
  }
  template <int kSrc>
  static void store(void* to, size_t stride) {
    for (int r = 0; r < rows(kSrc); ++r) {
      std::memcpy(static_cast<unsigned char*>(to) + static_cast<size_t>(r) * stride,
                  tile(kSrc).bytes[r], row_bytes(kSrc));
    }
  }
  template <int kSum, int kA, int kB>
  static void dot_bf16() {
    multiply<float>(kSum, kA, kB, [](float total, const unsigned char* a, const unsigned char* b) {
      for (size_t i = 0; i < 2; ++i) {
        total += from_bf16(element<uint16_t>(a, i)) * from_bf16(element<uint16_t>(b, i));
      }
      return total;
    });
  }
  template <int kSum, int kA, int kB>
  static void dot_s8s8() {
    multiply<int32_t>(kSum, kA, kB, dot_bytes<int8_t, int8_t>);
  }
  template <int kSum, int kA, int kB>
  static void dot_u8s8() {
    multiply<int32_t>(kSum, kA, kB, dot_bytes<uint8_t, int8_t>);
  }
};

}  // namespace
}  // namespace edgefusion::kernels
