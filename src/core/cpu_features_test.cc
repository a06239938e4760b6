#include "core/cpu_features.h"

#include <gtest/gtest.h>

#include <fstream>

namespace edgefusion {
namespace {

TEST(CapIsa, KeepsWhatIsWeakerAndDropsWhatIsStronger) {
  const IsaSet all = IsaSet(Isa::sse4) | Isa::avx2 | Isa::avx512 | Isa::amx_bf16;
#if defined(__x86_64__)
  const auto capped = cap_isa(all, "avx2");
  ASSERT_TRUE(capped.has_value());
  EXPECT_EQ(capped->to_string(), "sse4 avx2");
  EXPECT_EQ(*cap_isa(all, "amx_int8"), all);
#elif defined(__aarch64__)
  const IsaSet arm = IsaSet(Isa::neon) | Isa::neon_dot | Isa::neon_i8mm | Isa::neon_bf16;
  EXPECT_EQ(cap_isa(arm, "neon")->to_string(), "neon");
  EXPECT_EQ(cap_isa(arm, "neon_i8mm")->to_string(), "neon neon_dot neon_i8mm");
  EXPECT_EQ(*cap_isa(arm, "neon_bf16"), arm);
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

// Under an emulator the file is that of the machine around it, which has no line of this name.
TEST(DetectIsa, AgreesWithWhatTheOperatingSystemLists) {
#if defined(__aarch64__)
  const std::string name = "Features";
#else
  const std::string name = "flags";
#endif
  std::ifstream info("/proc/cpuinfo");
  std::string line, listed;
  while (listed.empty() && std::getline(info, line)) {
    if (line.starts_with(name)) listed = line + ' ';
  }
  if (listed.empty()) GTEST_SKIP() << "/proc/cpuinfo lists no features";
  const auto expect = [&](Isa isa, const char* flag) {
    const bool found = listed.find(std::string(" ") + flag + " ") != std::string::npos;
    EXPECT_EQ(detect_isa().has(isa), found) << flag;
  };
#if defined(__x86_64__)
  expect(Isa::avx2, "avx2");
  expect(Isa::avx512_vnni, "avx512_vnni");
  expect(Isa::avx512_bf16, "avx512_bf16");
  expect(Isa::amx_bf16, "amx_bf16");
#elif defined(__aarch64__)
  expect(Isa::neon_dot, "asimddp");
  expect(Isa::neon_i8mm, "i8mm");
  expect(Isa::neon_bf16, "bf16");
#endif
}

}  // namespace
}  // namespace edgefusion
