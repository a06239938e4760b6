#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace edgefusion::npu {

/// In the order of Arithmetic and of VectorOp.
std::span<const std::string_view> arithmetic_names();
std::span<const std::string_view> vector_op_names();
/// What "host"."ops" may name.
std::vector<std::string_view> host_op_names();

}  // namespace edgefusion::npu
