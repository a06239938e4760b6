#include "quant/scheme.h"

#include <algorithm>
#include <array>

namespace edgefusion::quant {
namespace {

constexpr std::array<std::string_view, 10> kLayerNames = {
    "f32",      "bf16",     "w8a16", "w4a16",        "palette4",
    "palette5", "palette6", "w8a8",  "w8a8_dynamic", "w8a8_winograd"};
constexpr std::array<std::string_view, 3> kAttentionNames = {"bf16", "int8_scores", "int8"};

template <typename Scheme>
std::optional<Scheme> find(std::span<const std::string_view> names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Scheme>(found - names.begin());
}

}  // namespace

std::string_view to_string(LayerScheme scheme) { return kLayerNames[static_cast<size_t>(scheme)]; }
std::string_view to_string(AttentionScheme scheme) {
  return kAttentionNames[static_cast<size_t>(scheme)];
}

std::span<const std::string_view> layer_scheme_names() { return kLayerNames; }
std::span<const std::string_view> attention_scheme_names() { return kAttentionNames; }

std::optional<LayerScheme> layer_scheme_of(std::string_view name) {
  return find<LayerScheme>(kLayerNames, name);
}
std::optional<AttentionScheme> attention_scheme_of(std::string_view name) {
  return find<AttentionScheme>(kAttentionNames, name);
}

}  // namespace edgefusion::quant
