#pragma once

#include <cmath>
#include <limits>

namespace edgefusion::quant {

/// 10 log10(signal / noise) of two powers; infinity without noise, 0 where there is neither.
inline double ratio_db(double signal_power, double noise_power) {
  if (noise_power <= 0) return signal_power <= 0 ? 0 : std::numeric_limits<double>::infinity();
  if (signal_power <= 0) return -std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal_power / noise_power);
}

/// Power of the noise relative to a signal of power 1. Independent errors add up in this unit.
inline double noise_of_db(double sqnr_db) { return std::pow(10.0, -sqnr_db / 10); }

}  // namespace edgefusion::quant
