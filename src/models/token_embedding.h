#pragma once

#include <cstdint>

#include "graph/builder.h"

namespace edgefusion::models {

struct TableShape {
  int64_t rows = 0, width = 0;
};

/// Rows 0 .. tokens-1 of the table at `w` -> [1,T,C].
graph::ValueId position_embedding(graph::GraphBuilder& g, const graph::WeightScope& w,
                                  int64_t tokens, TableShape table);

/// Row `row` of the table at `w` for every token -> [1,T,C].
graph::ValueId same_embedding(graph::GraphBuilder& g, const graph::WeightScope& w, int64_t tokens,
                              int32_t row, TableShape table);

}  // namespace edgefusion::models
