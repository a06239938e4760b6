#include "text/token_table.h"

#include <gtest/gtest.h>

#include <map>

namespace edgefusion::text {
namespace {

TEST(TokenTable, FindsWhatWasSetAndNothingElse) {
  TokenTable table;
  EXPECT_TRUE(table.empty());
  EXPECT_FALSE(table.find("").has_value());
  std::map<std::string, int32_t> expected;
  for (int32_t i = 0; i < 5000; ++i) expected["token" + std::to_string(i * 7919 % 5003)] = i;
  expected[""] = 9;
  for (const auto& [token, id] : expected) EXPECT_TRUE(table.set(token, id));
  for (const auto& [token, id] : expected) EXPECT_EQ(table.find(token), id);
  EXPECT_FALSE(table.find("token").has_value());
  EXPECT_FALSE(table.find("token5003").has_value());
}

TEST(TokenTable, KeepsTheLastNumberOfAToken) {
  TokenTable table;
  table.reserve(2, 10);
  EXPECT_TRUE(table.set("a", 1));
  EXPECT_TRUE(table.set("b", 2));
  EXPECT_FALSE(table.set("a", 3));
  EXPECT_EQ(table.find("a"), 3);
  EXPECT_EQ(table.find("b"), 2);
}

}  // namespace
}  // namespace edgefusion::text
