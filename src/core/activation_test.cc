#include "core/activation.h"

#include <gtest/gtest.h>

namespace edgefusion {
namespace {

TEST(Activation, ListIsInTheOrderOfTheEnum) {
  for (size_t i = 0; i < kActivationCount; ++i) {
    EXPECT_EQ(static_cast<size_t>(kActivations[i].activation), i);
  }
}

TEST(Activation, NamesParseBackToThemselves) {
  for (const ActivationName& entry : kActivations) {
    EXPECT_EQ(parse_activation(to_string(entry.activation)), entry.activation);
  }
}

TEST(Activation, UnknownNamesParseToNothing) {
  EXPECT_FALSE(parse_activation("").has_value());
  EXPECT_FALSE(parse_activation("SiLU").has_value());
  EXPECT_FALSE(parse_activation("swish").has_value());
}

}  // namespace
}  // namespace edgefusion
