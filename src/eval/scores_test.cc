#include "eval/scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "eval/frechet_distance.h"

// Against numpy and scipy (scripts/goldens/scores.py), and what the formulas say of plain cases.

namespace edgefusion::eval {
namespace {

using nlohmann::json;

Tensor matrix(const std::vector<std::vector<float>>& rows) {
  std::vector<float> values;
  for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
  return Tensor::from_f32(
      {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.front().size())}, values);
}

Tensor first_rows(const Tensor& x, int64_t count) {
  const auto elements = static_cast<size_t>(count * x.shape()[1]);
  return Tensor::from_f32({count, x.shape()[1]}, x.values<float>().first(elements));
}

class Golden : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(EF_SOURCE_DIR "/tests/goldens/scores/scores.json");
    golden_ = json::parse(file);
  }
  Tensor rows(const char* name) const {
    return matrix(golden_[name].get<std::vector<std::vector<float>>>());
  }
  double value(const char* name) const { return golden_[name].get<double>(); }

  json golden_;
};

TEST_F(Golden, FrechetDistanceIsThatOfScipysMatrixRoot) {
  const Tensor a = rows("a"), b = rows("b");
  const auto distance = frechet_distance(a, b);
  ASSERT_TRUE(distance) << distance.error().message();
  EXPECT_NEAR(*distance, value("frechet_a_b"), 1e-5 * *distance);
  EXPECT_NEAR(*frechet_distance(b, a), *distance, 1e-6 * *distance) << "is symmetric";
}

TEST_F(Golden, FrechetDistanceOfFewerPicturesThanFeatures) {
  const auto distance = frechet_distance(first_rows(rows("a"), 4), rows("b"));
  ASSERT_TRUE(distance);
  EXPECT_NEAR(*distance, value("frechet_few_b"), 1e-4 * *distance);
}

TEST_F(Golden, InceptionScoreIsThatOfTheFormula) {
  EXPECT_NEAR(inception_score(rows("probabilities")), value("inception"), 1e-6);
}

TEST_F(Golden, ClipScoreIsThatOfTheFormula) {
  EXPECT_NEAR(clip_score(first_rows(rows("a"), 25), rows("b")), value("clip_a_b"), 1e-4);
}

TEST_F(Golden, RecallIsThatOfASort) {
  const auto right = golden_["right"].get<std::vector<int64_t>>();
  EXPECT_DOUBLE_EQ(recall_at(1, rows("queries"), rows("b"), right), value("recall_at_1"));
  EXPECT_DOUBLE_EQ(recall_at(5, rows("queries"), rows("b"), right), value("recall_at_5"));
  EXPECT_DOUBLE_EQ(recall_at(25, rows("queries"), rows("b"), right), 1.0);
}

TEST_F(Golden, EqualSetsHaveNoDistance) {
  const Tensor a = rows("a");
  EXPECT_NEAR(*frechet_distance(a, a), 0.0, 1e-5);
  EXPECT_NEAR(*frechet_distance(first_rows(a, 3), first_rows(a, 3)), 0.0, 1e-5);
  EXPECT_GE(*frechet_distance(a, a), 0.0);
}

TEST(FrechetDistance, OfShiftedSetsIsTheSquareOfTheShift) {
  const Tensor a = matrix({{0, 1}, {2, 3}, {5, -1}}), b = matrix({{3, 1}, {5, 3}, {8, -1}});
  EXPECT_NEAR(*frechet_distance(a, b), 9.0, 1e-6);
  // Constant sets have no spread at all.
  EXPECT_NEAR(*frechet_distance(matrix({{1, 1}, {1, 1}}), matrix({{1, 3}, {1, 3}})), 4.0, 1e-9);
}

TEST(FrechetDistance, OnePictureIsRefused) {
  const auto one = frechet_distance(matrix({{1, 2}}), matrix({{1, 2}, {3, 4}}));
  ASSERT_FALSE(one);
  EXPECT_NE(one.error().message().find("a set of 1 pictures, expected at least 2"),
            std::string::npos);
}

TEST(InceptionScore, RunsFromOneToTheNumberOfClasses) {
  EXPECT_NEAR(inception_score(matrix({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}})), 3.0, 1e-9);
  EXPECT_NEAR(inception_score(matrix({{1, 0, 0}, {1, 0, 0}})), 1.0, 1e-9) << "no variety";
  EXPECT_NEAR(inception_score(matrix({{0.25f, 0.75f}, {0.25f, 0.75f}})), 1.0, 1e-9);
  EXPECT_NEAR(inception_score(matrix({{0.5f, 0.5f}})), 1.0, 1e-9) << "one picture";
}

TEST(ClipScore, OppositesCountAsNothing) {
  const Tensor pictures = matrix({{1, 0}, {0, 2}}), texts = matrix({{-3, 0}, {0, 5}});
  EXPECT_NEAR(clip_score(pictures, texts), 50.0, 1e-9);
}

TEST(RecallAt, ATieCountsAgainstTheRightItem) {
  const Tensor query = matrix({{1, 0}}), gallery = matrix({{1, 0}, {2, 0}, {0, 1}});
  const std::vector<int64_t> right = {0};
  EXPECT_EQ(recall_at(1, query, gallery, right), 0.0);
  EXPECT_EQ(recall_at(2, query, gallery, right), 1.0);
}

TEST(RecallAt, WhatIsNoNumberIsNotFound) {
  const Tensor query = matrix({{std::nanf(""), 0}}), gallery = matrix({{1, 0}, {0, 1}});
  EXPECT_EQ(recall_at(1, query, gallery, std::vector<int64_t>{0}), 0.0);
}

}  // namespace
}  // namespace edgefusion::eval
