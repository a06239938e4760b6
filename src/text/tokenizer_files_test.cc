// Files that are wrong: each gives one line that names the file and the thing.

#include <gtest/gtest.h>

#include <fstream>

#include "core/testing/temporary_folder.h"
#include "text/golden_lines.h"
#include "text/tokenizer.h"

namespace edgefusion::text {
namespace {

constexpr const char* kTinyMerges = "#version: 0.2\na b</w>\n";
constexpr const char* kTinyVocab =
    R"({"a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4})";

TokenizerFiles tiny_clip() { return {{"vocab.json", kTinyVocab}, {"merges.txt", kTinyMerges}}; }

TokenizerFiles tiny_wordpiece() {
  return {{"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfox\n##es\n"}};
}

/// The message of the error; fails the test where there is none, or where it is not one line.
std::string message_of(const TokenizerFiles& files, ErrorCode code = ErrorCode::bad_file) {
  const auto tokenizer = parse_tokenizer(files);
  if (tokenizer) {
    ADD_FAILURE() << "opened";
    return "";
  }
  EXPECT_EQ(tokenizer.error().code(), code) << tokenizer.error().message();
  EXPECT_EQ(tokenizer.error().message().find('\n'), std::string::npos);
  return tokenizer.error().message();
}

std::string message_with(TokenizerFiles files, const std::string& name, std::string contents,
                         ErrorCode code = ErrorCode::bad_file) {
  files[name] = std::move(contents);
  return message_of(files, code);
}

std::string with_vocab(std::string contents) {
  return message_with(tiny_clip(), "vocab.json", std::move(contents));
}

std::string with_config(std::string contents, ErrorCode code = ErrorCode::bad_file) {
  return message_with(tiny_clip(), "tokenizer_config.json", std::move(contents), code);
}

TEST(TokenizerFiles, OfMinimalContentsOpen) {
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(parse_tokenizer(tiny_clip()).value()->encode("ab a").value(), (Ids{3, 2, 4, 4}))
      << "a byte without a token is the unknown token";
  EXPECT_EQ(parse_tokenizer(tiny_wordpiece()).value()->encode("foxes fo").value(),
            (Ids{2, 5, 6, 1, 3}));
}

TEST(TokenizerFiles, ThatAreMissingAreNamed) {
  EXPECT_EQ(message_of({}, ErrorCode::not_found),
            "no tokenizer: expected vocab.json and merges.txt, vocab.txt, or tokenizer.json");
  EXPECT_EQ(message_of({{"vocab.json", "{}"}}, ErrorCode::not_found),
            "merges.txt: no such file, expected beside vocab.json");
  EXPECT_EQ(message_of({{"merges.txt", ""}}, ErrorCode::not_found),
            "vocab.json: no such file, expected beside merges.txt");
  const auto missing = open_tokenizer(golden_folder("no-such-folder"));
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("no-such-folder: no tokenizer"), std::string::npos);
}

TEST(TokenizerFiles, WithBrokenJsonNameTheOffset) {
  EXPECT_EQ(with_vocab(R"({"a": 0, "b)"), "vocab.json: not valid JSON at byte offset 12");
  EXPECT_EQ(with_vocab("\xff\xfe"), "vocab.json: not valid JSON at byte offset 1");
  EXPECT_EQ(with_config("{"), "tokenizer_config.json: not valid JSON at byte offset 2");
  EXPECT_EQ(message_with(tiny_clip(), "special_tokens_map.json", ""),
            "special_tokens_map.json: not valid JSON at byte offset 1");
}

TEST(TokenizerFiles, WithDeepJsonAreRefused) {
  EXPECT_EQ(with_vocab(std::string(100'000, '[')), "vocab.json: JSON nested deeper than 16 levels");
}

TEST(TokenizerFiles, WithJsonOfTheWrongKindSaySo) {
  EXPECT_EQ(with_vocab("[1, 2]"),
            "vocab.json: the vocabulary is a JSON array, expected an object of tokens and ids");
  EXPECT_EQ(with_vocab("{}"), "vocab.json: the vocabulary has no tokens");
  EXPECT_EQ(with_config("[]"), "tokenizer_config.json: a JSON array, expected an object");
}

TEST(TokenizerFiles, WithIdsThatAreNoIdsNameTheToken) {
  const std::string tail = ", expected an integer from 0 to 2097151";
  EXPECT_EQ(with_vocab(R"({"a": -1})"), R"(vocab.json: token "a": id -1)" + tail);
  EXPECT_EQ(with_vocab(R"({"a": 1.5})"), R"(vocab.json: token "a": id 1.5)" + tail);
  EXPECT_EQ(with_vocab(R"({"a": "0"})"), R"(vocab.json: token "a": id string)" + tail);
  EXPECT_EQ(with_vocab(R"({"a": 2097152})"), R"(vocab.json: token "a": id 2097152)" + tail);
  EXPECT_EQ(with_vocab(R"({"a\nb": 18446744073709551615})"),
            R"(vocab.json: token "a\nb": id 18446744073709551615)" + tail);
  EXPECT_EQ(with_vocab(R"({"a": 7, "b": 7})"),
            R"(vocab.json: token "b": id 7 is already another token's, expected unique ids)");
}

TEST(TokenizerFiles, WithMergesOfUnknownSymbolsNameTheRule) {
  const auto with_merges = [](std::string text) {
    return message_with(tiny_clip(), "merges.txt", std::move(text));
  };
  EXPECT_EQ(with_merges("a b</w>\nz b</w>"),
            R"(merges: rule 2: symbol "z" is not in the vocabulary)");
  EXPECT_EQ(with_merges("a z"), R"(merges: rule 1: symbol "z" is not in the vocabulary)");
  EXPECT_EQ(with_merges("a a"), R"(merges: rule 1: symbol "aa" is not in the vocabulary)");
  const std::string expected = ": expected two symbols with one space between them";
  for (const char* line : {"ab", "a b c", " a", "a ", "a  b"}) {
    EXPECT_EQ(with_merges(std::string("#version: 0.2\n") + line), "merges.txt: line 2" + expected);
  }
}

TEST(TokenizerFiles, WithoutASpecialTokenNameIt) {
  EXPECT_EQ(with_vocab(R"({"a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3})"),
            R"(eos_token "<|endoftext|>" is not in the vocabulary)");
  EXPECT_EQ(with_config(R"({"pad_token": "<pad>"})"),
            R"(pad_token "<pad>" is not in the vocabulary)");
  EXPECT_EQ(message_of({{"vocab.txt", "[PAD]\n[UNK]\n[SEP]\n"}}),
            R"(cls_token "[CLS]" is not in the vocabulary)");
}

TEST(TokenizerFiles, WithSettingsOfTheWrongKindNameThem) {
  const std::string file = "tokenizer_config.json: ";
  EXPECT_EQ(with_config(R"({"do_lower_case": "yes"})"),
            file + "do_lower_case: string, expected true or false");
  EXPECT_EQ(with_config(R"({"model_max_length": 1})"),
            file + "model_max_length: 1, expected a number of at least 2");
  EXPECT_EQ(with_config(R"({"model_max_length": "77"})"),
            file + "model_max_length: \"77\", expected a number of at least 2");
  EXPECT_EQ(with_config(R"({"bos_token": 5})"),
            file +
                "bos_token: a token is a JSON number, expected a string or an object with a "
                "string content");
  EXPECT_EQ(with_config(R"({"bos_token": ""})"),
            file + "bos_token: a token of 0 bytes, expected 1 to 256");
  EXPECT_EQ(with_config(R"({"tokenizer_class": 1})"),
            file + "tokenizer_class: number, expected a string");
}

TEST(TokenizerFiles, OfOtherTokenizersAreUnsupported) {
  EXPECT_EQ(with_config(R"({"tokenizer_class": "GPT2TokenizerFast"})", ErrorCode::unsupported),
            R"(tokenizer_config.json: tokenizer_class: "GPT2Tokenizer", expected "CLIPTokenizer" )"
            "beside vocab.json and merges.txt");
  EXPECT_EQ(message_with(tiny_wordpiece(), "tokenizer_config.json",
                         R"({"tokenizer_class": "CLIPTokenizer"})", ErrorCode::unsupported),
            R"(tokenizer_config.json: tokenizer_class: "CLIPTokenizer", expected "BertTokenizer" )"
            "beside vocab.txt");
}

TEST(TokenizerFiles, WithAddedTokensOnTakenIdsNameThem) {
  const std::string file = "added_tokens.json";
  EXPECT_EQ(message_with(tiny_clip(), file, R"({"<x>": 2})"),
            R"(added token "<x>": id 2 is already another token's)");
  EXPECT_EQ(message_with(tiny_clip(), file, R"({"<x>": 9, "<y>": 9})"),
            R"(added token "<y>": id 9 is already another token's)");
  EXPECT_EQ(message_with(tiny_clip(), file, R"({"<x>": -3})"),
            R"(added_tokens.json: token "<x>": id -3, expected an integer from 0 to 2097151)");
  EXPECT_EQ(with_config(R"({"added_tokens_decoder": {"x": "<x>"}})"),
            R"(tokenizer_config.json: added_tokens_decoder: key "x", expected an id)");
  EXPECT_EQ(with_config(R"({"added_tokens_decoder": {"2147483647": "<x>"}})"),
            R"(added token "<x>": id 2147483647 is out of range)");
}

TEST(TokenizerFiles, OfLinesThatAreNotUtf8NameTheLine) {
  EXPECT_EQ(message_of({{"vocab.txt", "[PAD]\n\xc3\n"}}),
            "vocab.txt: line 2: invalid UTF-8 at byte offset 0");
  EXPECT_EQ(message_of({{"vocab.txt", ""}}), "vocab.txt: the vocabulary has no tokens");
}

TEST(TokenizerFiles, InOneJsonMustHaveAModelWeCanRun) {
  const auto with_json = [](std::string text, ErrorCode code) {
    return message_of({{"tokenizer.json", std::move(text)}}, code);
  };
  EXPECT_EQ(with_json("[]", ErrorCode::unsupported),
            "tokenizer.json: model.type: null, expected \"BPE\" or \"WordPiece\"");
  EXPECT_EQ(with_json(R"({"model": {"type": "Unigram"}})", ErrorCode::unsupported),
            "tokenizer.json: model.type: \"Unigram\", expected \"BPE\" or \"WordPiece\"");
  EXPECT_EQ(with_json(R"({"model": {"type": "BPE", "vocab": {"a": 0}}})", ErrorCode::unsupported),
            "tokenizer.json: model.end_of_word_suffix: null, expected \"</w>\"");
  EXPECT_EQ(with_json(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "end_of_word_suffix": "</w>",
                          "merges": ["a a", 3]}})",
                      ErrorCode::bad_file),
            "tokenizer.json: model.merges: entry 1: expected two symbols");
  EXPECT_EQ(with_json(R"({"model": {"type": "WordPiece", "vocab": ["a"]}})", ErrorCode::bad_file),
            "tokenizer.json: model.vocab: the vocabulary is a JSON array, expected an object of "
            "tokens and ids");
}

TEST(TokenizerFiles, LargerThan64MegabytesAreNotRead) {
  const TemporaryFolder temporary;
  const std::filesystem::path& folder = temporary.path();
  std::ofstream(folder / "vocab.txt") << "[PAD]\n";
  std::filesystem::resize_file(folder / "vocab.txt", (size_t{64} << 20) + 1);  // sparse
  const auto tokenizer = open_tokenizer(folder);
  ASSERT_FALSE(tokenizer);
  EXPECT_NE(tokenizer.error().message().find("vocab.txt"), std::string::npos);
  EXPECT_NE(tokenizer.error().message().find("67108864"), std::string::npos)
      << tokenizer.error().message();
}

}  // namespace
}  // namespace edgefusion::text
