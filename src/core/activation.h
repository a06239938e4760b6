#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace edgefusion {

/// Element-wise activations, as graphs name them and as kernels fuse them.
enum class Activation : uint8_t {
  none,
  relu,
  silu,        ///< x * sigmoid(x)
  gelu,        ///< x * 0.5 * (1 + erf(x / sqrt(2)))
  gelu_tanh,   ///< the tanh approximation of gelu (Hendrycks and Gimpel 2016)
  quick_gelu,  ///< x * sigmoid(1.702 x), CLIP's
  tanh,
  sigmoid,
};

struct ActivationName {
  Activation activation;
  std::string_view name;
};

/// Every activation with its name: the only list; tests and tables loop over it.
inline constexpr std::array<ActivationName, 8> kActivations = {{
    {Activation::none, "none"},
    {Activation::relu, "relu"},
    {Activation::silu, "silu"},
    {Activation::gelu, "gelu"},
    {Activation::gelu_tanh, "gelu_tanh"},
    {Activation::quick_gelu, "quick_gelu"},
    {Activation::tanh, "tanh"},
    {Activation::sigmoid, "sigmoid"},
}};
inline constexpr size_t kActivationCount = kActivations.size();

constexpr std::string_view to_string(Activation activation) {
  return kActivations[static_cast<size_t>(activation)].name;
}

/// The activation called `name`, or nothing; the caller knows which file or option to complain of.
constexpr std::optional<Activation> parse_activation(std::string_view name) {
  for (const ActivationName& entry : kActivations) {
    if (entry.name == name) return entry.activation;
  }
  return std::nullopt;
}

}  // namespace edgefusion
