#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "graph/op_table.h"

// What the shape rules of the ops share. Failures are invalid_argument: sizes come from configs.

namespace edgefusion::graph {

/// Beyond any model this program can hold: 4 TiB of f32.
constexpr int64_t kMaxElements = int64_t{1} << 40;
/// Of one node; leaves room to add up a graph in 64 bits.
constexpr int64_t kMaxMacs = int64_t{1} << 53;

/// An operand that must be there; its absence is a bug of whoever made the node.
const Value& required(InputValues inputs, size_t slot);
/// An operand that may be absent (nullptr).
const Value* optional_input(InputValues inputs, size_t slot);

tl::unexpected<Error> refuse(std::string message);

/// All extents at least 1 and no more than kMaxElements elements.
Status check_extents(const Shape& shape);
/// An output of that shape, if check_extents() allows it.
Result<Value> make_output(const Shape& shape, DType dtype = DType::f32);

/// `what` names the operand in the message: "x has shape [1,2,3], expected rank 4".
Status check_rank(const Value& value, std::string_view what, int rank);
Status check_shape(const Value& value, std::string_view what, const Shape& expected);
Status check_dtype(const Value& value, std::string_view what, DType expected);
/// f32 and of that rank.
Status check_float(const Value& value, std::string_view what, int rank);

/// The product of non-negative factors, or nothing if it exceeds kMaxMacs.
std::optional<int64_t> checked_macs(std::initializer_list<int64_t> factors);
Status check_macs(std::initializer_list<int64_t> factors);

/// The shape of x, widened by the channels of a second source in slot `slot`, if there is one: it
/// has all other extents of x.
Result<Shape> joined_shape(const Value& x, InputValues inputs, size_t slot);

/// Bias (one number a row of the weight) and residual (shaped like the output) of conv2d and
/// linear.
Status check_epilogue(InputValues inputs, const Shape& output);

/// Shortest decimal that reads back as the same float: "0.125".
std::string float_text(float value);
/// " act=relu after_residual", " geglu"; empty if sums are stored as they are.
std::string epilogue_text(const Epilogue& epilogue);

/// For ops without products of matrices.
int64_t no_macs(const Attrs& attrs, InputValues inputs, const Value& output);
/// For ops without attributes worth telling.
std::string no_description(const Attrs& attrs);

}  // namespace edgefusion::graph
