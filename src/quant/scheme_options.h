#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "quant/scheme.h"

namespace edgefusion::quant {

/// What is added up over the layers of a model.
enum class Quantity : uint8_t { time_ms, bytes, error };
inline constexpr size_t kQuantities = 3;

/// Not negative and finite. `error` is a power of noise: errors of layers count as independent, so
/// that their powers add up (decibels.h converts).
struct Costs {
  std::array<double, kQuantities> of{};

  double& operator[](Quantity quantity) { return of[static_cast<size_t>(quantity)]; }
  double operator[](Quantity quantity) const { return of[static_cast<size_t>(quantity)]; }
};

struct SchemeOption {
  LayerScheme scheme = LayerScheme::bf16;
  Costs costs;
};

struct LayerOptions {
  std::string name;
  std::vector<SchemeOption> options;  ///< at least one
};

/// One option for each layer.
struct SchemeChoice {
  std::vector<size_t> options;  ///< indices, one for each layer
  Costs totals;
};

/// The choice with its totals, summed in the order of the layers.
SchemeChoice make_choice(const std::vector<LayerOptions>& layers, std::vector<size_t> options);

}  // namespace edgefusion::quant
