#pragma once

#include <cstdint>

namespace edgefusion {

/// The next of a sequence of random 64-bit numbers, whatever the state begins as.
/// Source: Steele, Lea and Flood 2014, SplitMix64.
inline uint64_t split_mix(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace edgefusion
