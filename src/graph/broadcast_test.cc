#include "graph/broadcast.h"

#include <gtest/gtest.h>

namespace edgefusion::graph {
namespace {

std::string reading(const Shape& a, const Shape& b) {
  const auto rule = broadcast_of(a, b);
  if (!rule)
    return rule.error().message().find("two ways") == std::string::npos ? "none" : "several";
  static constexpr const char* kNames[] = {"same", "per_channel", "per_item", "per_row",
                                           "per_position"};
  return std::string(kNames[static_cast<size_t>(rule->kind)]) + " " + std::to_string(rule->item) +
         "," + std::to_string(rule->row) + "," + std::to_string(rule->channel);
}

TEST(Broadcast, ReadsEveryLongForm) {
  const Shape a{2, 5, 3};
  EXPECT_EQ(reading(a, {2, 5, 3}), "same 15,3,1");
  EXPECT_EQ(reading(a, {3}), "per_channel 0,0,1");
  EXPECT_EQ(reading(a, {2, 1, 3}), "per_item 3,0,1");
  EXPECT_EQ(reading(a, {2, 5, 1}), "per_row 5,1,0");
  EXPECT_EQ(reading(a, {1, 5, 3}), "per_position 0,3,1");
}

TEST(Broadcast, ReadsShortFormsThatFitInOneWay) {
  EXPECT_EQ(reading({2, 5, 3}, {2, 3}), "per_item 3,0,1");
  EXPECT_EQ(reading({2, 5, 3}, {2, 5}), "per_row 5,1,0");
  EXPECT_EQ(reading({2, 5, 3}, {5, 3}), "per_position 0,3,1");
  EXPECT_EQ(reading({2, 4, 4, 3}, {2, 3}), "per_item 3,0,1");
  EXPECT_EQ(reading({2, 4, 5, 3}, {2, 4, 5}), "per_row 20,1,0");
  EXPECT_EQ(reading({2, 4, 5, 3}, {4, 5, 3}), "per_position 0,3,1");
}

TEST(Broadcast, RefusesShortFormsThatFitInSeveralWays) {
  EXPECT_EQ(reading({5, 5, 3}, {5, 3}), "several");  // per item or per position
  EXPECT_EQ(reading({2, 3, 3}, {2, 3}), "several");  // per item or per row
  EXPECT_EQ(reading({5, 5, 5}, {5, 5}), "several");
}

TEST(Broadcast, TakesTheLongFormWhereTheShortOneIsRefused) {
  EXPECT_EQ(reading({5, 5, 3}, {1, 5, 3}), "per_position 0,3,1");
  EXPECT_EQ(reading({5, 5, 3}, {5, 1, 3}), "per_item 3,0,1");
  EXPECT_EQ(reading({2, 3, 3}, {2, 3, 1}), "per_row 3,1,0");
}

TEST(Broadcast, DoesNotMindReadingsThatMeanTheSame) {
  EXPECT_EQ(reading({1, 1, 3}, {1, 3}), "per_item 0,0,1");
  EXPECT_EQ(reading({1, 7, 7, 3}, {1, 1, 1, 3}), "per_item 0,0,1");
}

TEST(Broadcast, RefusesWhatFitsInNoWay) {
  EXPECT_EQ(reading({2, 5, 3}, {4}), "none");
  EXPECT_EQ(reading({2, 5, 3}, {1}), "none");
  EXPECT_EQ(reading({2, 5, 3}, {2, 4, 3}), "none");
  EXPECT_EQ(reading({3}, {2, 3}), "none");
  EXPECT_EQ(reading({2, 3}, {1, 2, 3}), "none");
  EXPECT_EQ(reading({2, 3}, {2}), "none");
}

TEST(Broadcast, WorksOnVectorsPerItem) {
  EXPECT_EQ(reading({2, 3}, {3}), "per_channel 0,0,1");
  EXPECT_EQ(reading({2, 3}, {2, 1}), "per_row 1,0,0");
  EXPECT_EQ(reading({2, 3}, {1, 3}), "per_position 0,0,1");
}

}  // namespace
}  // namespace edgefusion::graph
