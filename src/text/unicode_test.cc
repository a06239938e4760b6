#include "text/unicode.h"

#include <gtest/gtest.h>

namespace edgefusion::text {
namespace {

TEST(Unicode, DecodesWhatItEncodes) {
  std::u32string all;
  for (char32_t c = 0; c < 0x110000; c += 7) {
    if (c < 0xd800 || c >= 0xe000) all.push_back(c);
  }
  EXPECT_EQ(decode_utf8(to_utf8(all)).value(), all);
}

TEST(Unicode, RefusesOverlongSurrogateAndTooLargeSequences) {
  for (const char* bytes : {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                            "\xf8\x88\x80\x80\x80", "\x80", "\xe2\x82"}) {
    const auto decoded = decode_utf8(std::string("ok") + bytes);
    ASSERT_FALSE(decoded) << bytes;
    EXPECT_EQ(decoded.error().message(), "invalid UTF-8 at byte offset 2");
  }
}

TEST(Unicode, LowersEachCodePointOnItsOwn) {
  EXPECT_EQ(to_lower(U"AÉΣΑΣ"), U"aéσασ") << "no final sigma";
  EXPECT_EQ(to_lower(U"\u0130"), U"i\u0307");
  EXPECT_EQ(to_lower(U"\u1c89\U00010d50"), U"\u1c8a\U00010d70") << "younger than utf8proc 2.8";
}

TEST(Unicode, ComposesAndOrdersMarks) {
  EXPECT_EQ(to_nfc(U"e\u0301"), U"\u00e9");
  EXPECT_EQ(to_nfc(U"s\u0307\u0323"), U"\u1e69");
  EXPECT_EQ(to_nfc(U"\u1100\u1161\u11a8"), U"\uac01");
  EXPECT_EQ(to_nfc(U"\u0958"), U"\u0915\u093c") << "excluded from composition";
  EXPECT_EQ(to_nfd(U"\u1e69"), U"s\u0323\u0307");
}

TEST(Unicode, LeavesCodePointsYoungerThanTheReferenceAlone) {
  EXPECT_EQ(to_nfc(U"\U00011935\U00011930"), U"\U00011935\U00011930");
  EXPECT_EQ(to_nfd(U"\U00011938e\u0301"), U"\U00011938e\u0301");
}

TEST(Unicode, KnowsTheClassesTheReferenceKnows) {
  EXPECT_TRUE(is_space(U'\u0085') && is_space(U'\u3000') && !is_space(U'\u200b'));
  EXPECT_TRUE(is_letter(U'\U000105c0') && !is_letter(U'1') && !is_letter(U'\u0301'));
  EXPECT_TRUE(is_number(U'\u2160') && is_number(U'\U00010d40') && !is_number(U'\u4e00'));
  EXPECT_TRUE(is_bert_punctuation(U'$') && is_bert_punctuation(U'\u3002'));
  EXPECT_FALSE(is_bert_punctuation(U'\u2e43')) << "younger than the reference's table";
  EXPECT_TRUE(is_bert_control(U'\u200b') && is_bert_control(U'\ufffd') && !is_bert_control(U'\t'));
  EXPECT_TRUE(is_cjk_ideograph(U'\u72d0') && !is_cjk_ideograph(U'\u3042'));
  EXPECT_TRUE(is_nonspacing_mark(U'\u0301') && !is_nonspacing_mark(U'\u0898'));
  EXPECT_TRUE(is_word(U'_') && is_word(U'\u00e9') && !is_word(U'-'));
}

}  // namespace
}  // namespace edgefusion::text
