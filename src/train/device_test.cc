#include "train/device.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>

namespace edgefusion::train {
namespace {

TEST(Device, IsChosenByWhatIsThere) {
  EXPECT_EQ(*choose_device("cpu", 3), "cpu");
  if (at::hasCUDA()) {
    EXPECT_EQ(*choose_device("auto", 0), "cuda:0");
    EXPECT_FALSE(choose_device("cuda", 1000));
  } else {
    EXPECT_EQ(*choose_device("auto", 0), "cpu");
    EXPECT_EQ(choose_device("cuda", 0).error().code(), ErrorCode::unsupported);
  }
}

TEST(Device, OfARunIsTheOneThatWasChosen) {
  RunConfig config;
  EXPECT_TRUE(device_of(config).is_cpu());
  config.place = "cuda:3";
  EXPECT_TRUE(device_of(config).is_cuda());
  EXPECT_EQ(device_of(config).index(), 3);
}

}  // namespace
}  // namespace edgefusion::train
