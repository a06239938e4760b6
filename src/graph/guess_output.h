#pragma once

#include "graph/op_table.h"

namespace edgefusion::graph {

/// A stand-in for the output of a node whose shape rule failed: the rank the op always gives,
/// every extent at least 1, as near to the intended shape as can be told.
Value guess_output(OpKind op, const Attrs& attrs, InputValues inputs);

/// The shape if it is a legal one, else the same rank with each bad extent replaced by 1 (all of
/// them if there are too many elements).
Shape legal_shape(const Shape& shape);

}  // namespace edgefusion::graph
