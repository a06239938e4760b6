#include "train/text_corpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/testing/temporary_folder.h"
#include "shards/testing/write_shard.h"
#include "train/wordnet.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Texts = std::vector<std::string>;

constexpr const char* kNouns =
    "  1 This software and database is being provided to you\n"
    "00001740 13 n 02 apple 0 orchard_apple_tree 0 001 @ 00001930 n 0000 | fruit with red or "
    "yellow skin; \"an apple; a day\"; sweet to tart  \n"
    "00001930 05 n 01 wombat 0 000 | burrowing animal of Australia  \n";
constexpr const char* kAdjectives =
    "00002000 00 a 01 galore(ip) 0 000 | in great numbers; \"daffodils galore\"  \n";

class TextCorpusTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "wordnet");
    write("wordnet/data.noun", kNouns);
    write("wordnet/data.adj", kAdjectives);
  }

  void write(const char* name, std::string_view text) const {
    std::ofstream(folder_ / name) << text;
  }

  Result<TextCorpus> read(json config) {
    config.update({{"teacher", "t"}, {"out", "o"}});
    auto parsed = TextConfig::parse(config, folder_ / "config.json");
    if (!parsed) return fail(parsed.error());
    said_.clear();
    return read_text_corpus(*parsed,
                            [&](LogLevel, std::string_view text) { said_.emplace_back(text); });
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  Texts said_;
};

TEST_F(TextCorpusTest, AWordnetGivesWordsAndWhatTheyMeanWithoutExamples) {
  const auto entries = read_wordnet(folder_ / "wordnet");
  ASSERT_TRUE(entries) << entries.error().message();
  ASSERT_EQ(entries->size(), 4u);
  EXPECT_EQ((*entries)[0].word, "apple");
  EXPECT_EQ((*entries)[0].definition, "fruit with red or yellow skin; sweet to tart");
  EXPECT_EQ((*entries)[1].word, "orchard apple tree");
  EXPECT_EQ((*entries)[2].definition, "burrowing animal of Australia");
  EXPECT_EQ((*entries)[3].word, "galore");
}

TEST_F(TextCorpusTest, ALineThatIsNoSynsetIsNamed) {
  write("wordnet/data.verb", "00001740 29 v zz breathe 0 | draw air\n");
  const auto entries = read_wordnet(folder_ / "wordnet");
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().code(), ErrorCode::bad_file);
  EXPECT_NE(entries.error().message().find("data.verb: line 1"), std::string::npos)
      << entries.error().message();
  EXPECT_EQ(read_wordnet(folder_ / "none").error().code(), ErrorCode::not_found);
}

TEST_F(TextCorpusTest, HasEveryCaptionOfShardsAndFilesOnceWithoutDecodingPictures) {
  shards::write_shard(folder_ / "a.tar", {{"0.png", "no picture"},
                                          {"0.txt", "a red fox"},
                                          {"0.json", R"({"captions": ["a red fox", " a fox "]})"},
                                          {"1.txt", "a cat"}});
  write("lines.txt", "a cat\r\n\nbad \xff line\na dog");
  const auto corpus = read({{"shards", {"a.tar"}}, {"texts", {"lines.txt"}}});
  ASSERT_TRUE(corpus) << corpus.error().message();
  EXPECT_EQ(corpus->captions, (Texts{"a red fox", "a fox", "a cat", "a dog"}));
  EXPECT_TRUE(corpus->dictionary.empty());
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_NE(said_[0].find("1 texts are no UTF-8"), std::string::npos) << said_[0];
}

TEST_F(TextCorpusTest, KeepsWordsOfNoCaptionAndUnseenCaptionsForTheReport) {
  shards::write_shard(folder_ / "train.tar", {{"0.txt", "an apple"}});
  shards::write_shard(folder_ / "val.tar", {{"0.txt", "an apple"}, {"1.txt", "a pear"}});
  const json config = {{"shards", {"train.tar"}},
                       {"val_shards", {"val.tar"}},
                       {"wordnet", "wordnet"},
                       {"held_out_words", 1}};
  const auto corpus = read(config);
  ASSERT_TRUE(corpus) << corpus.error().message();
  EXPECT_EQ(corpus->unseen_captions, Texts{"a pear"});
  ASSERT_EQ(corpus->unseen_words.size(), 1u) << "of wombat and galore; apple has a caption";
  const std::string& word = corpus->unseen_words[0];
  EXPECT_TRUE(word == "wombat" || word == "galore") << word;
  EXPECT_EQ(corpus->dictionary.size(), 6u);
  EXPECT_TRUE(std::ranges::none_of(corpus->dictionary, [&](const std::string& line) {
    return line == word || line.starts_with(word + ":");
  }));
  EXPECT_EQ(read(config)->unseen_words, corpus->unseen_words);
}

TEST_F(TextCorpusTest, WithoutAnyTextIsAnError) {
  write("empty.txt", "\n");
  EXPECT_EQ(read({{"texts", {"empty.txt"}}}).error().code(), ErrorCode::not_found);
  EXPECT_NE(read({{"texts", {"none.txt"}}}).error().message().find("none.txt"), std::string::npos);
}

TEST(TextConfig, EverythingThatIsWrongIsToldAtOnce) {
  const json text = {{"teacher", "m"},     {"out", "o"},      {"layrs", 3},
                     {"caption_share", 2}, {"max_tokens", 1}, {"sentence_weight", "a"}};
  const auto parsed = TextConfig::parse(text, "dir/config.json");
  ASSERT_FALSE(parsed);
  const std::string message = parsed.error().message();
  for (const char* part : {"dir/config.json", "\"wordnet\"", "did you mean \"layers\"",
                           "caption_share", "max_tokens", "sentence_weight"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << ": " << message;
  }
}

}  // namespace
}  // namespace edgefusion::train
