#if defined(__x86_64__)

#include "kernels/amx/amx_tile.h"
#include "kernels/peak/peak_variants.h"

namespace edgefusion::kernels {

/// Four chains: a product takes 16 cycles to begin and 52 to end.
int64_t peak_u8_amx(int64_t rounds) noexcept {
  constexpr int64_t kProducts = 16 * 16 * 64;  // of one TDPBUSD
  const AmxTiles::Session session;             // all tiles are zero
  for (int64_t round = 0; round < rounds; ++round) {
    AmxTiles::dot_u8s8<0, 4, 6>();
    AmxTiles::dot_u8s8<1, 4, 7>();
    AmxTiles::dot_u8s8<2, 5, 6>();
    AmxTiles::dot_u8s8<3, 5, 7>();
  }
  return rounds * 4 * kProducts;
}

}  // namespace edgefusion::kernels

#endif
