#include "quant/recipe_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "quant/glob.h"

namespace edgefusion::quant {
namespace {

using graph::Scheme;

std::vector<MergedName> merged_names(const LayerList& list) {
  constexpr std::string_view kWeight = ".weight";
  std::vector<MergedName> merged;
  for (const Layer& layer : list.layers) {
    for (const std::string& tensor : layer.weights) {
      if (!tensor.ends_with(kWeight)) continue;
      const std::string name = tensor.substr(0, tensor.size() - kWeight.size());
      if (name != layer.name) merged.push_back({layer.network + "/" + name, layer.path()});
    }
  }
  return merged;
}

/// The entry that decides: the last that matches.
const RecipeEntry<LayerScheme>* deciding_entry(const Recipe& recipe, const std::string& path) {
  for (size_t k = recipe.layers.size(); k-- > 0;) {
    if (glob_matches(recipe.layers[k].glob, path)) return &recipe.layers[k];
  }
  return nullptr;
}

std::string schemes_text(const Layer& layer) {
  std::string text;
  for (const Scheme scheme : layer.schemes) {
    text += (text.empty() ? "" : ", ") + std::string(graph::to_string(scheme));
  }
  return text;
}

std::string warning_of(const RecipeEntry<LayerScheme>& entry,
                       const std::vector<std::string>& layers) {
  constexpr size_t kShown = 3;
  std::string text = fmt::format("{}: {} layer{} cannot be {} and stay{} bf16:", entry.glob,
                                 layers.size(), layers.size() == 1 ? "" : "s",
                                 graph::to_string(entry.scheme), layers.size() == 1 ? "s" : "");
  for (size_t i = 0; i < std::min(kShown, layers.size()); ++i) {
    text += (i == 0 ? " " : ", ") + layers[i];
  }
  return layers.size() > kShown ? text + ", ..." : text;
}

}  // namespace

Result<RecipeChoices> fit_recipe(const Recipe& recipe, const LayerList& list,
                                 std::vector<std::string>& warnings) {
  std::vector<std::string> layers, attentions;
  for (const Layer& layer : list.layers) layers.push_back(layer.path());
  for (const AttentionLayer& attention : list.attentions) attentions.push_back(attention.path());
  EF_TRY(RecipeChoices choices, resolve_recipe(recipe, layers, attentions, merged_names(list)));
  std::map<const RecipeEntry<LayerScheme>*, std::vector<std::string>> unfit;
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = list.layers[i];
    if (!choices.layers[i] || std::ranges::count(layer.schemes, *choices.layers[i]) != 0) continue;
    const auto* entry = deciding_entry(recipe, layers[i]);
    if (entry->glob == layers[i]) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("{}: layers: {}: there is no {} for this {} layer of {}, expected one "
                      "of {}",
                      recipe.origin, layers[i], graph::to_string(entry->scheme), layer.kind,
                      layer.weight_shape.to_string(), schemes_text(layer)));
    }
    unfit[entry].push_back(layers[i]);
    choices.layers[i] = Scheme::bf16;
  }
  for (const auto& entry : recipe.layers) {  // in the recipe's order
    const auto found = unfit.find(&entry);
    if (found != unfit.end()) {
      warnings.push_back(recipe.origin + ": " + warning_of(entry, found->second));
    }
  }
  return choices;
}

}  // namespace edgefusion::quant
