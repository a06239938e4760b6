#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>

#include "core/tensor.h"

namespace edgefusion::npu {

using Outputs = std::map<std::string, Tensor>;

/// Within bound times the largest magnitude of each output. NaN is never close.
inline void expect_close(const Outputs& found, const Outputs& expected, float bound) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    const auto a = found.at(name).values<float>(), b = tensor.values<float>();
    ASSERT_EQ(a.size(), b.size());
    float largest = 0;
    for (const float x : b) largest = std::max(largest, std::fabs(x));
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_TRUE(std::fabs(a[i] - b[i]) <= bound * largest)
          << name << " " << i << ": " << a[i] << ", expected " << b[i];
    }
  }
}

inline void expect_same_bits(const Outputs& found, const Outputs& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    const Tensor& other = found.at(name);
    ASSERT_EQ(other.view().bytes(), tensor.view().bytes());
    EXPECT_EQ(std::memcmp(other.view().data, tensor.view().data, tensor.view().bytes()), 0) << name;
  }
}

}  // namespace edgefusion::npu
