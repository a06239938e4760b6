#pragma once

#include <array>
#include <string_view>

namespace edgefusion::profile {

/// Op classes that share a colour in charts.
struct OpFamily {
  std::string_view name;
  std::string_view style;  ///< class in profile_style.h
};

/// All of them, in the order of legends.
inline constexpr std::array<OpFamily, 8> kOpFamilies = {{
    {"conv 3x3", "f0"},
    {"conv 1x1", "f1"},
    {"linear", "f2"},
    {"attention", "f3"},
    {"norms", "f4"},
    {"element-wise and other", "f5"},
    {"copies", "f6"},
    {"outside of networks", "f7"},
}};

const OpFamily& family_of(std::string_view op_class);

}  // namespace edgefusion::profile
