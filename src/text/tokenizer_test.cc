#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>

#include "text/golden_lines.h"

namespace edgefusion::text {
namespace {

using Ids = std::vector<int32_t>;

struct GoldenCase {
  std::string name;                  ///< folder of golden.jsonl
  std::vector<std::string> folders;  ///< whose files together are the tokenizer
  size_t least_lines;
};

class GoldenIds : public testing::TestWithParam<GoldenCase> {};

TEST_P(GoldenIds, AreThoseOfTheReferenceOnEveryLine) {
  const auto lines = read_goldens(golden_folder(GetParam().name) / "golden.jsonl");
  ASSERT_GE(lines.size(), GetParam().least_lines);
  expect_goldens(*golden_tokenizer(GetParam().folders), lines);
}

INSTANTIATE_TEST_SUITE_P(
    Folders, GoldenIds,
    testing::Values(GoldenCase{"clip", {"clip"}, 300},
                    // Stable Diffusion 2: "!" is the pad token, so it is found inside words too.
                    GoldenCase{"clip_sd2", {"clip", "clip_sd2"}, 100},
                    GoldenCase{"clip_added", {"clip", "clip_added"}, 100},
                    GoldenCase{"clip", {"clip_fast"}, 300},
                    GoldenCase{"wordpiece", {"wordpiece"}, 300},
                    GoldenCase{"wordpiece_cased", {"wordpiece", "wordpiece_cased"}, 100},
                    GoldenCase{"wordpiece", {"wordpiece_fast"}, 300}),
    [](const auto& test) { return test.param.folders.back(); });

TEST(Tokenizer, OpensAFolder) {
  const auto tokenizer = open_tokenizer(golden_folder("clip"));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  EXPECT_EQ((*tokenizer)->vocab_size(), 1214);
  EXPECT_EQ((*tokenizer)->bos_id(), 1212);
  EXPECT_EQ((*tokenizer)->eos_id(), 1213);
  EXPECT_EQ((*tokenizer)->pad_id(), 1213);
  EXPECT_EQ((*tokenizer)->model_max_length(), 24);
}

TEST(Tokenizer, TakesTheLengthOfTheModelFamilyWhereTheConfigHasNone) {
  auto clip = read_files({"clip"});
  clip.erase("tokenizer_config.json");
  EXPECT_EQ(parse_tokenizer(clip).value()->model_max_length(), 77);
  clip["tokenizer_config.json"] = R"({"model_max_length": 1000000000000000019884624838656})";
  EXPECT_EQ(parse_tokenizer(clip).value()->model_max_length(), 77);
  auto bert = read_files({"wordpiece"});
  bert.erase("tokenizer_config.json");
  EXPECT_EQ(parse_tokenizer(bert).value()->model_max_length(), 512);
}

TEST(Tokenizer, TakesThePadTokenFromTheConfig) {
  EXPECT_EQ(golden_tokenizer({"clip", "clip_sd2"})->pad_id(), 0);
  auto files = read_files({"clip"});
  files["special_tokens_map.json"] = R"({"pad_token": {"content": "!"}})";
  EXPECT_EQ(parse_tokenizer(files).value()->pad_id(), 0) << "the older file wins over the config";
}

TEST(Tokenizer, KnowsTokensFromAddedTokensJson) {
  auto files = read_files({"clip"});
  files["added_tokens.json"] = R"({"<my-cat>": 1214})";
  const auto tokenizer = parse_tokenizer(files).value();
  EXPECT_EQ(tokenizer->vocab_size(), 1215);
  const Ids ids = tokenizer->encode("a<MY-CAT>").value();
  EXPECT_EQ(ids, (Ids{1212, tokenizer->encode("a").value()[1], 1214, 1213}));
}

TEST(Tokenizer, GivesOnlyBeginAndEndForAnEmptyText) {
  EXPECT_EQ(golden_tokenizer({"clip"})->encode("").value(), (Ids{1212, 1213}));
  EXPECT_EQ(golden_tokenizer({"wordpiece"})->encode(" \n ").value(), (Ids{3, 4}));
}

TEST(Tokenizer, PadsShortTexts) {
  const auto tokenizer = golden_tokenizer({"wordpiece"});
  const FittedIds fitted = tokenizer->pad_or_truncate({3, 7, 8, 4}, 6);
  EXPECT_EQ(fitted.ids, (Ids{3, 7, 8, 4, 0, 0}));
  EXPECT_EQ(fitted.cut_tokens, 0);
}

TEST(Tokenizer, CutsLongTextsAndKeepsTheEndToken) {
  const auto tokenizer = golden_tokenizer({"wordpiece"});
  const FittedIds fitted = tokenizer->pad_or_truncate({3, 7, 8, 9, 10, 4}, 4);
  EXPECT_EQ(fitted.ids, (Ids{3, 7, 8, 4}));
  EXPECT_EQ(fitted.cut_tokens, 2);
  EXPECT_EQ(tokenizer->pad_or_truncate({3, 7, 4}, 2).ids, (Ids{3, 4}));
  EXPECT_EQ(tokenizer->pad_or_truncate({3, 7, 4}, 3).cut_tokens, 0);
}

TEST(Tokenizer, NamesTheByteWhereATextStopsBeingUtf8) {
  const auto tokenizer = golden_tokenizer({"clip"});
  const auto stray = tokenizer->encode("red \xff fox");
  ASSERT_FALSE(stray);
  EXPECT_EQ(stray.error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(stray.error().message(), "invalid UTF-8 at byte offset 4");
  EXPECT_EQ(tokenizer->encode("\xc3\xa9\xf0\x9f\x94").error().message(),
            "invalid UTF-8 at byte offset 2");
}

/// Texts that are one word, or nothing but marks: where a simple algorithm takes quadratic time.
/// The bound leaves room for sanitizers; a quadratic version of any step takes minutes.
TEST(Tokenizer, EncodesHundredKilobytesQuickly) {
  std::string letters, marks, hashes;
  for (int i = 0; i < 100'000; ++i) letters += static_cast<char>('a' + i * 7 % 26);
  for (int i = 0; i < 50'000; ++i) marks += i % 2 ? "\u0301" : "\u0323";
  for (int i = 0; i < 30'000; ++i) hashes += "<|e";
  for (const char* folder : {"clip", "wordpiece"}) {
    const auto tokenizer = golden_tokenizer({folder});
    for (const std::string& text : {letters, marks, hashes, std::string(100'000, 'a')}) {
      const auto start = std::chrono::steady_clock::now();
      ASSERT_TRUE(tokenizer->encode(text));
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      EXPECT_LT(seconds.count(), 5.0) << folder << ": " << text.substr(0, 12);
    }
  }
}

}  // namespace
}  // namespace edgefusion::text
