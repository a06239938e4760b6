#include "core/result.h"

#include <gtest/gtest.h>

namespace edgefusion {
namespace {

Result<int> half(int x) {
  if (x % 2 != 0) return fail(ErrorCode::invalid_argument, std::to_string(x) + " is odd");
  return x / 2;
}

Result<int> quarter(int x) {
  EF_TRY(const int once, half(x));
  EF_TRY(const int twice, half(once));
  return twice;
}

TEST(Result, TryPassesValuesOnAndErrorsOut) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error().message(), "3 is odd");
  EXPECT_EQ(quarter(6).error().code(), ErrorCode::invalid_argument);
}

TEST(Error, ContextLeadsTheMessageOutermostFirst) {
  const Error error =
      Error(ErrorCode::bad_file, "too short").with_context("header").with_context("a.png");
  EXPECT_EQ(error.message(), "a.png: header: too short");
}

TEST(CheckDeathTest, AFailedCheckStopsTheProgramAndSaysWhere) {
  EXPECT_DEATH(EF_CHECK(1 == 2, "both sizes"), "internal check failed: 1 == 2: both sizes");
}

}  // namespace
}  // namespace edgefusion
