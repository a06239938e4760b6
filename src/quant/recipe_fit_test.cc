#include "quant/recipe_fit.h"

#include <gtest/gtest.h>

namespace edgefusion::quant {
namespace {

using graph::Scheme;

LayerList two_layers() {
  LayerList list;
  list.layers.push_back({.network = "unet",
                         .name = "conv",
                         .kind = "conv3x3",
                         .weight_shape = Shape{8, 8, 3, 3},
                         .schemes = {Scheme::f32, Scheme::bf16, Scheme::w8a8_winograd}});
  list.layers.push_back({.network = "unet",
                         .name = "to_q",
                         .kind = "linear",
                         .weights = {"to_q.weight", "to_k.weight"},
                         .weight_shape = Shape{16, 8},
                         .schemes = {Scheme::f32, Scheme::bf16, Scheme::w8a8}});
  return list;
}

Result<RecipeChoices> fit(const std::string& text, std::vector<std::string>& warnings) {
  auto recipe = parse_recipe(text, "r.json");
  EF_CHECK(recipe.has_value(), "a recipe");
  return fit_recipe(*recipe, two_layers(), warnings);
}

TEST(FitRecipe, WarnsOfAGlobWhoseSchemeALayerCannotHave) {
  std::vector<std::string> warnings;
  const auto choices = fit(R"({"layers": {"unet/*": "w8a8_winograd"}})", warnings);
  ASSERT_TRUE(choices);
  EXPECT_EQ(choices->layers[0], Scheme::w8a8_winograd);
  EXPECT_EQ(choices->layers[1], Scheme::bf16);
  EXPECT_EQ(warnings,
            std::vector<std::string>{
                "r.json: unet/*: 1 layer cannot be w8a8_winograd and stays bf16: unet/to_q"});
}

TEST(FitRecipe, RefusesALayerThatIsNamedAndCannot) {
  std::vector<std::string> warnings;
  const auto choices = fit(R"({"layers": {"unet/to_q": "w8a8_winograd"}})", warnings);
  ASSERT_FALSE(choices);
  const std::string& said = choices.error().message();
  for (const char* part : {"r.json", "unet/to_q", "w8a8_winograd", "linear", "f32, bf16, w8a8"}) {
    EXPECT_NE(said.find(part), std::string::npos) << said;
  }
  // A later entry decides.
  EXPECT_TRUE(fit(R"({"layers": {"unet/to_q": "w8a8_winograd", "*": "bf16"}})", warnings));
  EXPECT_TRUE(warnings.empty());
}

TEST(FitRecipe, KnowsWhatProjectionsAreMergedInto) {
  std::vector<std::string> warnings;
  const auto choices = fit(R"({"layers": {"unet/to_k": "w8a8"}})", warnings);
  ASSERT_FALSE(choices);
  EXPECT_NE(choices.error().message().find("merged into unet/to_q"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::quant
