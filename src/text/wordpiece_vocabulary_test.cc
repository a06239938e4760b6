#include "text/wordpiece_vocabulary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "text/tokenizer.h"

namespace edgefusion::text {
namespace {

using Words = std::vector<std::string>;

const Words kSpecial = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

std::vector<WordCount> words_of(const Words& lines) {
  auto words = count_bert_words(lines, {});
  EXPECT_TRUE(words) << words.error().message();
  return *words;
}

TEST(BertWords, AreLowerCaseWithoutAccentsAndPunctuationIsApart) {
  const auto words = words_of({"Crème  brûlée, crème!", "creme\n"});
  ASSERT_EQ(words.size(), 4u);
  EXPECT_EQ(words[0].word, U"!");
  EXPECT_EQ(words[1].word, U",");
  EXPECT_EQ(words[2].word, U"brulee");
  EXPECT_EQ(words[3].word, U"creme");
  EXPECT_EQ(words[3].count, 3);
}

TEST(BertWords, OfALineThatIsNoUtf8AreRefused) {
  const auto words = count_bert_words({"fine", "\xff"}, {});
  ASSERT_FALSE(words);
  EXPECT_EQ(words.error().code(), ErrorCode::invalid_argument);
}

// hug 10, pug 5, pun 12, bun 4, hugs 5: the example of Hugging Face's course on byte pair encoding.
TEST(WordPieceVocabulary, MergesTheCommonestPairsOfNeighbours) {
  const std::vector<WordCount> words = {
      {U"bun", 4}, {U"hug", 10}, {U"hugs", 5}, {U"pug", 5}, {U"pun", 12}};
  const auto tokens = learn_wordpiece_vocabulary(
      words, {.special_tokens = {"[PAD]"}, .size = 40, .least_character_count = 1});
  const Words characters(tokens.begin(), tokens.begin() + 5);
  EXPECT_EQ(characters, (Words{"[PAD]", "u", "##u", "g", "##g"})) << "u 36, g 20";
  const Words merged(tokens.begin() + 15, tokens.end());
  // ##ug 20, ##un 16, then h ##ug 15, p ##un 12; of p ##ug and hug ##s, both 5, the first word.
  EXPECT_EQ(merged, (Words{"##ug", "##un", "hug", "pun", "hugs", "pug", "bun"}));
}

TEST(WordPieceVocabulary, CountsOverlappingPairsOnce) {
  const auto tokens = learn_wordpiece_vocabulary(
      {{U"aaaaa", 3}}, {.special_tokens = {}, .size = 40, .least_character_count = 1});
  // a ##a ##a ##a ##a -> a ##aa ##aa -> a ##aaaa -> aaaaa
  EXPECT_EQ(tokens, (Words{"a", "##a", "##aa", "##aaaa", "aaaaa"}));
}

TEST(WordPieceVocabulary, HasTheSizeAskedForAndEveryTokenOnce) {
  const auto words = words_of({"she sells sea shells on the sea shore",
                               "these three trees hear the rush of the sea at noon",
                               "the shells she sells are sea shells for sure"});
  const WordPieceLearning learning{
      .special_tokens = kSpecial, .size = 60, .least_character_count = 1, .least_pair_count = 1};
  const auto tokens = learn_wordpiece_vocabulary(words, learning);
  EXPECT_EQ(tokens.size(), 60u);
  EXPECT_EQ(std::set<std::string>(tokens.begin(), tokens.end()).size(), tokens.size());
  EXPECT_TRUE(std::equal(kSpecial.begin(), kSpecial.end(), tokens.begin()));
  EXPECT_EQ(tokens, learn_wordpiece_vocabulary(words, learning));
}

TEST(WordPieceVocabulary, RareCharactersAreUnknownAndTheirWordsTeachNothing) {
  const std::vector<WordCount> words = {{U"ab", 50}, {U"aé", 9}};
  const auto tokens = learn_wordpiece_vocabulary(words, {.special_tokens = kSpecial, .size = 100});
  EXPECT_EQ(tokens,
            (Words{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "b", "##b", "ab"}));
}

TEST(WordPieceVocabulary, EncodesItsOwnWordsAndSplitsTheirKin) {
  Words lines(20, "a red fox, a blue whale: foxes and whales jumping");
  const auto tokens = learn_wordpiece_vocabulary(
      words_of(lines), {.special_tokens = kSpecial, .size = 400, .least_character_count = 1});
  std::string vocab;
  for (const std::string& token : tokens) vocab += token + "\n";
  const auto tokenizer = parse_tokenizer({{"vocab.txt", vocab}});
  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  const auto pieces = [&](const char* text) { return (*tokenizer)->encode(text)->size() - 2; };
  EXPECT_EQ(pieces("Foxes"), 1u);
  EXPECT_EQ(pieces("jumping"), 1u);
  EXPECT_GT(pieces("foxing"), 1u);
  EXPECT_EQ((*tokenizer)->pad_id(), 0);
}

TEST(WordPieceVocabulary, OfAHundredThousandWordsIsLearntInSeconds) {
  std::vector<WordCount> words;
  uint32_t state = 1;
  for (int i = 0; i < 100000; ++i) {
    std::u32string word;
    for (int length = 0; length < 8; ++length) {
      state = state * 1664525 + 1013904223;
      word.push_back(U'a' + (state >> 24) % (length % 2 == 0 ? 20 : 5));
    }
    words.push_back({word, 1 + i % 7});
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(learn_wordpiece_vocabulary(words, {.special_tokens = kSpecial}).size(), 8000u);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(seconds.count(), 60);  // for sanitizers on a busy machine; it takes about one
}

}  // namespace
}  // namespace edgefusion::text
