#include "quant/recipe.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/testing/temporary_folder.h"
#include "quant/glob.h"

namespace edgefusion::quant {
namespace {

Recipe recipe_of(std::string_view text) {
  const auto recipe = parse_recipe(text, "r.json");
  EXPECT_TRUE(recipe) << recipe.error().message();
  return recipe.value_or(Recipe());
}

std::string error_of(std::string_view text) {
  const auto recipe = parse_recipe(text, "r.json");
  return recipe ? "no error" : recipe.error().message();
}

const std::vector<std::string> kLayers = {"unet/conv_in", "unet/down.0.to_q", "unet/down.1.to_q",
                                          "vae_decoder/conv_in"};
const std::vector<std::string> kAttention = {"unet/down.0.attn1"};

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(glob_matches("unet/*", "unet/conv_in"));
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("*.to_?", "unet/a.to_q.b.to_k"));
  EXPECT_TRUE(glob_matches("a**b*", "ab"));
  EXPECT_FALSE(glob_matches("?", ""));
  EXPECT_FALSE(glob_matches("unet", "unet/conv_in"));
  EXPECT_FALSE(glob_matches("*conv", "unet/conv_in"));
  EXPECT_FALSE(glob_matches("", "a"));
  EXPECT_FALSE(glob_matches(std::string(2000, '*') + "b", std::string(20000, 'a')));
}

TEST(Recipe, LaterEntriesWinInTheOrderOfTheFile) {
  const Recipe recipe = recipe_of(R"({
    "description": "as few bits as possible",
    "layers": {"unet/*": "w8a8", "*conv_in": "bf16", "unet/down.1*": "palette5"},
    "attention": {"*": "int8"}})");
  ASSERT_EQ(recipe.layers.size(), 3u);
  EXPECT_EQ(recipe.layers[0].glob, "unet/*");
  const auto choices = resolve_recipe(recipe, kLayers, kAttention);
  ASSERT_TRUE(choices) << choices.error().message();
  EXPECT_EQ(choices->layers[0], LayerScheme::bf16);
  EXPECT_EQ(choices->layers[1], LayerScheme::w8a8);
  EXPECT_EQ(choices->layers[2], LayerScheme::palette5);
  EXPECT_EQ(choices->layers[3], LayerScheme::bf16);
  EXPECT_EQ(choices->attention[0], AttentionScheme::int8);
  // "a" sorts before "unet", but comes later.
  const Recipe reversed = recipe_of(R"({"layers": {"unet/*": "w8a8", "*": "f32"}})");
  EXPECT_EQ(resolve_recipe(reversed, kLayers, {})->layers[1], LayerScheme::f32);
}

TEST(Recipe, LeavesWhatNoGlobMatchesToTheCaller) {
  const auto choices =
      resolve_recipe(recipe_of(R"({"layers": {"unet/down*": "w4a16"}})"), kLayers, kAttention);
  ASSERT_TRUE(choices);
  EXPECT_FALSE(choices->layers[0].has_value());
  EXPECT_FALSE(choices->attention[0].has_value());
  EXPECT_TRUE(resolve_recipe(recipe_of("{}"), kLayers, {}));
}

TEST(Recipe, EverySchemeHasItsName) {
  for (size_t i = 0; i < layer_scheme_names().size(); ++i) {
    const std::string_view name = layer_scheme_names()[i];
    EXPECT_EQ(to_string(*layer_scheme_of(name)), name);
    const auto recipe = recipe_of(R"({"layers": {"*": ")" + std::string(name) + R"("}})");
    EXPECT_EQ(static_cast<size_t>(recipe.layers.at(0).scheme), i);
  }
  for (const std::string_view name : attention_scheme_names()) {
    EXPECT_EQ(to_string(*attention_scheme_of(name)), name);
  }
}

TEST(Recipe, AnUnknownSchemeIsToldWithTheNearest) {
  EXPECT_EQ(error_of(R"({"layers": {"unet/*": "w8a8_dinamic"}})"),
            "r.json: layers: unet/*: expected one of \"f32\", \"bf16\", \"w8a16\", \"w4a16\", "
            "\"palette4\", \"palette5\", \"palette6\", \"w8a8\", \"w8a8_dynamic\", "
            "\"w8a8_winograd\", found string \"w8a8_dinamic\", did you mean \"w8a8_dynamic\"?");
  EXPECT_EQ(error_of(R"({"attention": {"*": 8}})"),
            "r.json: attention: *: expected one of \"bf16\", \"int8\", found "
            "integer 8");
}

TEST(Recipe, EverythingWrongIsToldAtOnce) {
  const std::string error =
      error_of(R"({"layers": {"a": "w9", "": "f32"}, "attention": [], "layer": {}})");
  EXPECT_NE(error.find("layers: a: expected one of"), std::string::npos) << error;
  EXPECT_NE(error.find("layers: expected globs on layers, found \"\""), std::string::npos) << error;
  EXPECT_NE(error.find("attention: expected an object of globs"), std::string::npos) << error;
  EXPECT_NE(error.find("did you mean \"layers\"?"), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

TEST(Recipe, AGlobThatMatchesNothingIsAnError) {
  const Recipe recipe = recipe_of(
      R"({"layers": {"unet/*": "w8a8", "unet/conv_inn": "bf16"}, "attention": {"x*": "int8"}})");
  const auto choices = resolve_recipe(recipe, kLayers, kAttention);
  ASSERT_FALSE(choices);
  EXPECT_EQ(choices.error().message(),
            "r.json: layers: unet/conv_inn: expected a glob that matches a name, found none of 4, "
            "did you mean \"unet/conv_in\"?; attention: x*: expected a glob that matches a name, "
            "found none of 1");
}

TEST(Recipe, OfManyEntriesIsRefused) {
  std::string text = R"({"layers": {"x": "f32")";
  for (int i = 0; i < 10000; ++i) text += ", \"" + std::to_string(i) + "\": \"f32\"";
  EXPECT_EQ(error_of(text + "}}"), "r.json: layers: expected at most 10000 globs, found 10001");
}

TEST(Recipe, WrittenAndReadIsTheSame) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "recipe.json";
  Recipe recipe = recipe_of(R"({"layers": {"z*": "w8a8", "a\"b": "f32"}})");
  recipe.layers.push_back({"z*", LayerScheme::bf16});
  std::ofstream(file) << to_json_text(recipe);
  const auto back = load_recipe(file);
  ASSERT_TRUE(back) << back.error().message();
  ASSERT_EQ(back->layers.size(), 2u);
  EXPECT_EQ(back->layers[0].glob, "a\"b");
  EXPECT_EQ(back->layers[1].glob, "z*");
  EXPECT_EQ(back->layers[1].scheme, LayerScheme::bf16);
  EXPECT_EQ(back->origin, file.string());
  EXPECT_FALSE(load_recipe(folder.path() / "none.json"));
}

TEST(ResolveRecipe, SaysWhatAMergedNameBelongsTo) {
  const auto recipe = parse_recipe(R"({"layers": {"unet/*.to_k": "w8a8"}})", "r.json");
  ASSERT_TRUE(recipe);
  const std::vector<std::string> layers = {"unet/a.to_q"}, none;
  const std::vector<MergedName> merged = {{"unet/a.to_k", "unet/a.to_q"}};
  const auto choices = resolve_recipe(*recipe, layers, none, merged);
  ASSERT_FALSE(choices);
  EXPECT_NE(choices.error().message().find("unet/a.to_k is merged into unet/a.to_q"),
            std::string::npos)
      << choices.error().message();
}

}  // namespace
}  // namespace edgefusion::quant
