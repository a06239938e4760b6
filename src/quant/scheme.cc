#include "quant/scheme.h"

#include <algorithm>
#include <array>

namespace edgefusion::quant {
namespace {

constexpr std::array kAttentionSchemes = {AttentionScheme::bf16, AttentionScheme::int8};

template <typename Scheme>
std::optional<Scheme> find(std::span<const std::string_view> names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Scheme>(found - names.begin());
}

}  // namespace

std::span<const std::string_view> layer_scheme_names() {
  static const std::vector<std::string_view> names = graph::scheme_names();
  return names;
}

std::span<const std::string_view> attention_scheme_names() {
  static const std::array names = {to_string(kAttentionSchemes[0]),
                                   to_string(kAttentionSchemes[1])};
  return names;
}

std::optional<LayerScheme> layer_scheme_of(std::string_view name) {
  return find<LayerScheme>(layer_scheme_names(), name);
}

std::optional<AttentionScheme> attention_scheme_of(std::string_view name) {
  return find<AttentionScheme>(attention_scheme_names(), name);
}

}  // namespace edgefusion::quant
