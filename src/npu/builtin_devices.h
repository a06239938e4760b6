#pragma once

#include <span>
#include <string_view>

namespace edgefusion::npu {

struct BuiltinDevice {
  std::string_view name;
  std::string_view json;
};

/// The files of devices/, by name. Made by CMake.
std::span<const BuiltinDevice> builtin_devices();

}  // namespace edgefusion::npu
