#include "graph/quantization.h"

#include <algorithm>
#include <array>

#include "core/json.h"
#include "core/nearest_name.h"

namespace edgefusion::graph {
namespace {

constexpr std::array<std::string_view, 10> kSchemes = {
    "f32",      "bf16",     "w8a16", "w4a16",        "palette4",
    "palette5", "palette6", "w8a8",  "w8a8_dynamic", "w8a8_winograd"};
constexpr std::array<std::string_view, 2> kAttentionSchemes = {"bf16", "int8"};

template <typename Enum, size_t kCount>
Result<Enum> parse(std::string_view name, const std::array<std::string_view, kCount>& names) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<Enum>(found - names.begin());
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view nearest = nearest_name(name, known);
  std::string text = "scheme \"" + printable(name) + "\": expected one of";
  for (const std::string_view each : known) text += " " + std::string(each);
  if (!nearest.empty()) text += ", did you mean \"" + std::string(nearest) + "\"?";
  return fail(ErrorCode::invalid_argument, std::move(text));
}

}  // namespace

std::string_view to_string(Scheme scheme) { return kSchemes[static_cast<size_t>(scheme)]; }

Result<Scheme> parse_scheme(std::string_view name) { return parse<Scheme>(name, kSchemes); }

std::vector<std::string_view> scheme_names() { return {kSchemes.begin(), kSchemes.end()}; }

bool has_int8_activations(Scheme scheme) { return scheme >= Scheme::w8a8; }

std::string_view to_string(AttentionScheme scheme) {
  return kAttentionSchemes[static_cast<size_t>(scheme)];
}

Result<AttentionScheme> parse_attention_scheme(std::string_view name) {
  return parse<AttentionScheme>(name, kAttentionSchemes);
}

std::vector<float> LayerQuantization::channel_scales(int64_t channels) const {
  const auto count = static_cast<size_t>(channels);
  if (input_scale.empty()) return std::vector<float>(count, 1.0f);
  if (input_scale.size() == 1) return std::vector<float>(count, input_scale[0]);
  EF_CHECK(input_scale.size() == count, "scales of " + std::to_string(input_scale.size()) +
                                            " channels, the layer has " + std::to_string(count));
  return input_scale;
}

const LayerQuantization* NetworkQuantization::layer(std::string_view name) const {
  const auto found = layers.find(name);
  return found == layers.end() ? nullptr : &found->second;
}

AttentionScheme NetworkQuantization::attention(std::string_view name) const {
  const auto found = attentions.find(name);
  return found == attentions.end() ? AttentionScheme::bf16 : found->second;
}

}  // namespace edgefusion::graph
