#include "kernels/registry.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "kernels/gemm/gemm_test_data.h"

namespace edgefusion::kernels {
namespace {

TEST(Registry, ChoosesExactlyOneUsableKernelOfEachFamilyAndVariant) {
  for (const IsaSet isa : {IsaSet(), test_isa()}) {
    std::map<std::string, int> chosen;
    for (const KernelInfo& kernel : list_kernels(isa)) {
      chosen[kernel.family + "/" + kernel.variant] += kernel.chosen;
      EXPECT_EQ(kernel.usable, isa.contains(kernel.needs)) << kernel.name;
      EXPECT_TRUE(kernel.usable || !kernel.chosen) << kernel.name;
    }
    for (const auto& [family, count] : chosen) EXPECT_EQ(count, 1) << family;
  }
}

TEST(Registry, ListsMatrixFamilies) {
  std::set<std::string> families;
  for (const KernelInfo& kernel : list_kernels({})) families.insert(kernel.family);
  EXPECT_TRUE(families.contains("gemm"));
  EXPECT_TRUE(families.contains("conv"));
}

}  // namespace
}  // namespace edgefusion::kernels
