// links: quant core
// Any bytes as a recipe of quantisation: refused with one line, or entries that are found again in
// what is written of them, and that say the same of every layer.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "quant/recipe.h"

namespace {

using namespace edgefusion;

const std::vector<std::string> kLayers = {"unet/conv_in", "unet/down_blocks.0.attn1.to_q", "a", ""};

void check_line(const std::string& message) {
  EF_CHECK(message.find('\n') == std::string::npos, "message of several lines");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto recipe = quant::parse_recipe(text, "recipe.json");
  if (!recipe) {
    check_line(recipe.error().message());
    return 0;
  }
  const auto back = quant::parse_recipe(quant::to_json_text(*recipe), "recipe.json");
  EF_CHECK(back.has_value(), "what was written is refused");
  EF_CHECK(back->layers.size() == recipe->layers.size(), "a glob was lost");
  const auto chosen = quant::resolve_recipe(*recipe, kLayers, kLayers);
  const auto again = quant::resolve_recipe(*back, kLayers, kLayers);
  EF_CHECK(chosen.has_value() == again.has_value(), "only one of two equal recipes is refused");
  if (!chosen) {
    check_line(chosen.error().message());
    return 0;
  }
  EF_CHECK(chosen->layers == again->layers, "what was written says something else");
  return 0;
}
