#include "core/cpu_features.h"

#include <gtest/gtest.h>

namespace edgefusion {
namespace {

TEST(CapIsa, KeepsWhatIsWeakerAndDropsWhatIsStronger) {
  const IsaSet all = IsaSet(Isa::sse4) | Isa::avx2 | Isa::avx512 | Isa::amx_bf16;
#if defined(__x86_64__)
  const auto capped = cap_isa(all, "avx2");
  ASSERT_TRUE(capped.has_value());
  EXPECT_EQ(capped->to_string(), "sse4 avx2");
  EXPECT_EQ(*cap_isa(all, "amx_int8"), all);
#endif
  EXPECT_TRUE(cap_isa(all, "scalar")->empty());
}

TEST(CapIsa, NamesTheKnownSetsWhenItDoesNotKnowOne) {
  const auto capped = cap_isa({}, "avx3");
  ASSERT_FALSE(capped.has_value());
  EXPECT_NE(capped.error().message().find("'avx3', expected one of scalar, "), std::string::npos);
}

TEST(DetectIsa, FindsTheSameTwiceAndNamesAll) {
  EXPECT_EQ(detect_isa(), detect_isa());
  EXPECT_EQ(isa_names().front(), "scalar");
  EXPECT_EQ(IsaSet().to_string(), "scalar");
}

}  // namespace
}  // namespace edgefusion
