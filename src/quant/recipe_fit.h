#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "quant/layer_list.h"
#include "quant/recipe.h"

namespace edgefusion::quant {

/// What a recipe says of each layer and attention of a list, without the schemes that a layer
/// cannot have: those that a glob gave it become bf16, with a line for each such glob in
/// `warnings`. Errors: those of resolve_recipe; invalid_argument for a layer that is named exactly,
/// with the scheme and those it can have.
Result<RecipeChoices> fit_recipe(const Recipe& recipe, const LayerList& list,
                                 std::vector<std::string>& warnings);

}  // namespace edgefusion::quant
