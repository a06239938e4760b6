#include "core/json.h"

#include <gtest/gtest.h>

namespace edgefusion {
namespace {

std::string error_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = parse_json(text, "c.json", limits);
  return parsed ? "no error" : parsed.error().message();
}

ConfigReader reader(std::string_view text) {
  auto parsed = parse_json(text, "unet/config.json");
  EXPECT_TRUE(parsed.has_value());
  return ConfigReader(parsed.value_or(nlohmann::json()), "unet/config.json");
}

TEST(ParseJson, ReadsWhatTheLibraryReads) {
  const std::string text = R"({"a": [1, -2, 2.5, true, null, "x\u00e9"], "b": {"c": {}}, "d": []})";
  const auto parsed = parse_json(text, "c.json");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed, nlohmann::json::parse(text));
}

TEST(ParseJson, NamesLineAndColumnOfASyntaxError) {
  EXPECT_EQ(error_of("{\n  \"a\": 1,\n  oops\n}").find("c.json: line 3, column 3: not valid JSON"),
            0u)
      << error_of("{\n  \"a\": 1,\n  oops\n}");
}

TEST(ParseJson, RefusesTextThatEndsTooEarlyOrGoesOn) {
  EXPECT_NE(error_of("{\"a\": [1, 2"), "no error");
  EXPECT_NE(error_of("{} {}"), "no error");
  EXPECT_NE(error_of(""), "no error");
}

TEST(ParseJson, RefusesAKeyTwiceAtAnyDepth) {
  EXPECT_EQ(error_of(R"({"a": 1, "a": 1})"),
            "c.json: key \"a\": expected once in its object, found twice");
  EXPECT_NE(error_of(R"([{"x": {"b": 1, "\u0062": 2}}])"), "no error");
  EXPECT_EQ(error_of(R"({"a": {"a": 1}, "b": {"a": 2}})"), "no error");
}

TEST(ParseJson, RefusesDeepNestingWithoutRecursion) {
  const std::string deep(1000000, '[');
  EXPECT_EQ(error_of(deep), "c.json: expected at most 64 nested levels, found more");
  EXPECT_EQ(error_of("[[[1]]]", {.max_depth = 3}), "no error");
  EXPECT_NE(error_of("[[[[1]]]]", {.max_depth = 3}), "no error");
}

TEST(ParseJson, RefusesATextLongerThanTheLimit) {
  EXPECT_EQ(error_of("[1, 2, 3]", {.max_bytes = 8}),
            "c.json: expected at most 8 bytes of JSON, found 9");
}

TEST(ParseJson, RefusesBrokenUtf8AndNumbersNoDoubleHolds) {
  EXPECT_NE(error_of("{\"a\": \"\xff\"}"), "no error");
  EXPECT_NE(error_of("{\"a\": \"\xc0\x80\"}"), "no error");
  EXPECT_NE(error_of("[1e999]").find("number out of range"), std::string::npos);
}

TEST(ParseJson, ErrorsStayOnOneLine) {
  for (const char* text : {"{\"a\n\": 1}", "{\"\\n\":1,\"\\n\":2}", "[\"\x01\"]"}) {
    EXPECT_EQ(error_of(text).find('\n'), std::string::npos) << text;
  }
}

TEST(Printable, CutsLongTextAtACharacterBoundary) {
  std::string text(199, 'a');
  text += "\xc3\xa9 and more";
  EXPECT_EQ(printable(text), std::string(199, 'a') + "...");
  EXPECT_EQ(printable("a\tb\x7f"), "a\\x09b\\x7f");
}

TEST(ConfigReader, ReadsEveryType) {
  auto config = reader(R"({"i": 3, "n": 2.5, "b": true, "s": "x", "l": [1, 2], "t": ["a"],
                           "one": 8, "many": [1, 2, 3], "flags": [true, false], "o": {"k": 7},
                           "half": [0.5, 1]})");
  EXPECT_EQ(config.integer("i"), 3);
  EXPECT_EQ(config.number("n"), 2.5);
  EXPECT_EQ(config.number("i"), 3.0);
  EXPECT_TRUE(config.boolean("b"));
  EXPECT_EQ(config.string("s"), "x");
  EXPECT_EQ(config.int_list("l"), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(config.string_list("t"), std::vector<std::string>{"a"});
  EXPECT_EQ(config.int_or_list("one", 3, 0), (std::vector<int64_t>{8, 8, 8}));
  EXPECT_EQ(config.int_or_list("many", 3, 0), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(config.bool_or_list("flags", 2, false), (std::vector<bool>{true, false}));
  EXPECT_EQ(config.object("o").integer("k"), 7);
  EXPECT_EQ(config.number_list("half", {}), (std::vector<double>{0.5, 1.0}));
  EXPECT_TRUE(config.status().has_value());
}

TEST(ConfigReader, AbsentAndNullGiveTheFallback) {
  auto config = reader(R"({"dim": null})");
  EXPECT_EQ(config.integer("dim", 5), 5);
  EXPECT_EQ(config.optional_integer("dim"), std::nullopt);
  EXPECT_EQ(config.string("name", "silu"), "silu");
  EXPECT_EQ(config.bool_or_list("flags", 2, true), (std::vector<bool>{true, true}));
  EXPECT_FALSE(config.has("dim"));
  EXPECT_TRUE(config.status().has_value());
}

TEST(ConfigReader, NamesFileKeyExpectedAndFound) {
  auto config = reader(R"({"sample_size": "64", "groups": 0, "list": [1, "x"], "big": 1e30,
                           "huge": 18446744073709551615})");
  EXPECT_EQ(config.integer("sample_size", 64), 64);
  config.integer("groups", 32, {1, 4096});
  config.int_list("list");
  config.integer("big", 1);
  config.integer("huge", 1);
  config.string("missing");
  const std::vector<std::string> expected = {
      "unet/config.json: sample_size: expected integer, found string \"64\"",
      "unet/config.json: groups: expected integer in [1, 4096], found integer 0",
      "unet/config.json: list[1]: expected integer, found string \"x\"",
      "unet/config.json: big: expected integer, found number 1e+30",
      "unet/config.json: huge: expected integer, found integer 18446744073709551615",
      "unet/config.json: missing: expected string, found nothing"};
  EXPECT_EQ(config.complaints(), expected);
  ASSERT_FALSE(config.status().has_value());
  EXPECT_EQ(config.status().error().code(), ErrorCode::bad_file);
}

TEST(ConfigReader, ListsOfTheWrongLengthAreComplaints) {
  auto config = reader(R"({"heads": [1, 2], "flags": [true]})");
  EXPECT_EQ(config.int_or_list("heads", 3, 8), (std::vector<int64_t>{8, 8, 8}));
  config.bool_or_list("flags", 3, false);
  EXPECT_EQ(config.complaints().size(), 2u);
}

TEST(ConfigReader, InnerObjectsReportToTheOuterOne) {
  auto config = reader(R"({"text": {"size": true}, "other": 3})");
  auto text = config.object("text");
  text.integer("size", 1);
  config.object("other");
  EXPECT_EQ(config.complaints(), (std::vector<std::string>{
                                     "unet/config.json: text: size: expected integer, found true",
                                     "unet/config.json: other: expected object, found integer 3"}));
}

TEST(ConfigReader, KnowsWhichKeysNobodyRead) {
  auto config = reader(R"({"a": 1, "b": 2, "c": null, "_class_name": "X"})");
  config.integer("a", 0);
  config.integer("c", 0);
  EXPECT_EQ(config.unread_keys(), std::vector<std::string>{"b"});
}

TEST(ConfigReader, KnowsWhichKeyWasMeant) {
  auto config = reader(R"({"latent_chanels": 1})");
  config.integer("latent_channels", 0);
  config.integer("in_channels", 0);
  EXPECT_EQ(config.nearest_asked_key("latent_chanels"), "latent_channels");
  EXPECT_EQ(config.nearest_asked_key("x"), "");
}

TEST(ConfigReader, AFieldThatIsReadTwiceIsComplainedOfOnce) {
  auto config = reader(R"({"size": "large"})");
  config.integer("size", 1);
  config.integer("size", 1);
  EXPECT_EQ(config.complaints().size(), 1u);
}

TEST(ConfigReader, AValueThatIsNoObjectIsOneComplaint) {
  ConfigReader config(nlohmann::json::array(), "x.json");
  EXPECT_EQ(config.integer("a", 4), 4);
  EXPECT_EQ(config.status().error().message(), "x.json: expected object, found list of 0");
}

}  // namespace
}  // namespace edgefusion
