#include "quant/method_names.h"

#include <gtest/gtest.h>

namespace edgefusion::quant {
namespace {

TEST(MethodNames, EveryMethodCanBeNamedAndIsToldAgain) {
  for (const std::string_view name : method_names()) {
    const std::vector<std::string> alone = {std::string(name)};
    const auto methods = parse_methods(alone);
    ASSERT_TRUE(methods) << name;
    EXPECT_NE(*methods, *parse_methods({"none"})) << name;
    EXPECT_EQ(names_of(*methods), alone);
  }
  EXPECT_EQ(names_of(*parse_methods({"none"})), std::vector<std::string>{"none"});
  EXPECT_EQ(*parse_methods(names_of(QuantizationMethods())), QuantizationMethods());
}

TEST(MethodNames, PercentilesAreMethodsToo) {
  EXPECT_EQ(parse_methods({"range_99_9"})->range, RangeMethod::percentile_99_9);
  EXPECT_EQ(parse_methods({"clip", "range_99_99"})->range, RangeMethod::percentile_99_99);
}

}  // namespace
}  // namespace edgefusion::quant
