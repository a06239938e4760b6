#include "profile/profile_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "profile/testing/sample_profile.h"

namespace edgefusion::profile {
namespace {

using nlohmann::json;

std::string error_of(const std::string& text) {
  const auto profile = parse_profile(text, "old.json");
  if (profile) return "";
  EXPECT_EQ(profile.error().message().find('\n'), std::string::npos);
  EXPECT_TRUE(profile.error().message().starts_with("old.json: ")) << profile.error().message();
  return profile.error().message();
}

void expect_error(const json& written, const std::string& part) {
  const std::string message = error_of(written.dump());
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

json sample() { return json::parse(profile_json(sample_recording().profile)); }

TEST(ProfileJson, WhatWasWrittenIsReadBack) {
  const std::string text = profile_json(sample_recording().profile);
  const auto back = parse_profile(text, "old.json");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(profile_json(*back), text);
  EXPECT_EQ(back->parts[0].time.ms, (std::vector<double>{8, 9, 8.5}));
  EXPECT_EQ(back->parts[0].arithmetic, engine::Precision::bf16);
  EXPECT_EQ(back->memory.programs[0].alive[1].bytes, 100000);
}

TEST(ProfileJson, HoldsSumsForThoseWithoutThisProgram) {
  const json written = sample();
  EXPECT_EQ(written["sums"]["by_op"][0]["name"], "conv3x3");
  EXPECT_DOUBLE_EQ(written["sums"]["by_op"][0]["median_ms"], 8.5);
  // 2 GMAC at a peak of 400 GMAC/s take 5 ms, of 8.5.
  EXPECT_NEAR(written["sums"]["by_op"][0]["peak_share"], 5 / 8.5, 1e-9);
  EXPECT_NEAR(written["sums"]["by_op"][0]["bandwidth_share"], 5e6 / (8.5e-3 * 3e10), 1e-9);
  EXPECT_DOUBLE_EQ(written["sums"]["by_op"][0]["macs_per_byte"], 400);
  EXPECT_DOUBLE_EQ(written["sums"]["by_network"][0]["median_ms"], 8.5 + 1.5 + 0.3);
}

TEST(ProfileJson, RefusesWhatIsNoProfile) {
  EXPECT_NE(error_of("{}").find("format"), std::string::npos);
  EXPECT_NE(error_of("[]"), "");
  EXPECT_NE(error_of(""), "");
  const std::string text = profile_json(sample_recording().profile);
  for (size_t length = 0; length + 2 < text.size(); length += 97) {
    EXPECT_NE(error_of(text.substr(0, length)), "") << length;
  }
  EXPECT_NE(error_of(std::string(1000, '[')), "") << "deeper than any profile";
}

TEST(ProfileJson, NamesFieldsThatAreUnknownMissingOrOfAnotherKind) {
  json written = sample();
  written["parts"][1]["macz"] = 3;
  expect_error(written, "parts[1]: macz: expected a known field");
  written = sample();
  written["subjekt"] = written["subject"];
  expect_error(written, "did you mean \"subject\"");
  written = sample();
  written["machine"].erase("threads");
  expect_error(written, "machine: threads: expected integer");
  written = sample();
  written["parts"][0]["ms"][1] = "fast";
  expect_error(written, "parts[0]: ms[1]: expected number");
  written = sample();
  written["parts"][0]["ms"] = {1, 2};
  expect_error(written, "parts: expected 3 times each");
  written = sample();
  written["parts"][0]["macs"] = -1;
  expect_error(written, "macs: expected integer of at least 0");
  written = sample();
  written["version"] = 2;
  expect_error(written, "version");
  written = sample();
  written["parts"] = "all";
  expect_error(written, "parts: expected list of objects");
  written = sample();
  written["whole"]["ms"] = json::array();
  expect_error(written, "whole: ms: expected at least one time");
}

}  // namespace
}  // namespace edgefusion::profile
