#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "quant/scheme.h"

namespace edgefusion::quant {

template <typename Scheme>
struct RecipeEntry {
  std::string glob;  ///< on "network/layer.name"
  Scheme scheme;
};

/// Which layer is quantised how. In the file
///   {"layers": {"unet/*": "w8a8", "unet/conv_in": "bf16"}, "attention": {"unet/*": "int8"}}
/// entries keep their order, and later ones win over earlier ones.
struct Recipe {
  std::string origin;  ///< for messages
  std::vector<RecipeEntry<LayerScheme>> layers;
  std::vector<RecipeEntry<AttentionScheme>> attention;
};

/// Errors: bad_file for what is not a recipe; one line lists all that is wrong, each with file,
/// glob, expected, found and the nearest name.
Result<Recipe> parse_recipe(std::string_view text, const std::string& origin);
/// Also not_found and io.
Result<Recipe> load_recipe(const std::filesystem::path& file);

/// The text of a file that parses to the same entries; a glob that is there twice keeps its last
/// place, where it wins anyway.
std::string to_json_text(const Recipe& recipe);

/// What a recipe says of each name; nothing where no glob matches: the caller's default.
struct RecipeChoices {
  std::vector<std::optional<LayerScheme>> layers;
  std::vector<std::optional<AttentionScheme>> attention;
};

/// A name that has no scheme of its own: it runs as a part of another one.
struct MergedName {
  std::string part, whole;
};

/// Names are "network/layer.name". Errors: invalid_argument that lists every glob that matches none
/// of them, with what its name is merged into or the nearest name.
Result<RecipeChoices> resolve_recipe(const Recipe& recipe, std::span<const std::string> layers,
                                     std::span<const std::string> attention,
                                     std::span<const MergedName> merged = {});

}  // namespace edgefusion::quant
