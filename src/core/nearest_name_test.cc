#include "core/nearest_name.h"

#include <gtest/gtest.h>

#include <array>

namespace edgefusion {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"lcm", "euler", "euler_a", "dpmpp2m_karras"};

TEST(NearestName, FindsTheNameOneTypingErrorAway) {
  EXPECT_EQ(nearest_name("eulr", kNames), "euler");
  EXPECT_EQ(nearest_name("eluer", kNames), "euler");
  EXPECT_EQ(nearest_name("Euler_A", kNames), "euler_a");
  EXPECT_EQ(nearest_name("dpmpp2mkaras", kNames), "dpmpp2m_karras");
  EXPECT_EQ(nearest_name("lmc", kNames), "lcm");
}

TEST(NearestName, SuggestsNothingWhenNothingIsClose) {
  EXPECT_EQ(nearest_name("unipc", kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name("euler", {}), "");
  EXPECT_EQ(nearest_name(std::string(100000, 'e'), kNames), "");
}

TEST(NearestName, MessageHasTheSuggestionAndTheWholeList) {
  EXPECT_EQ(unknown_name_message("scheduler", "eulr", kNames),
            "unknown scheduler \"eulr\", did you mean \"euler\"? Known: lcm, euler, euler_a, "
            "dpmpp2m_karras");
  EXPECT_EQ(unknown_name_message("scheduler", "xyz", kNames),
            "unknown scheduler \"xyz\". Known: lcm, euler, euler_a, dpmpp2m_karras");
}

}  // namespace
}  // namespace edgefusion
