#include "models/token_embedding.h"

#include <algorithm>
#include <numeric>

namespace edgefusion::models {
namespace {

graph::ValueId look_up(graph::GraphBuilder& g, const graph::WeightScope& w, Tensor rows,
                       TableShape table) {
  const graph::ValueId ids = g.constant((w / "ids").path(), std::move(rows));
  return g.embedding(ids, w, table.rows, table.width);
}

}  // namespace

graph::ValueId position_embedding(graph::GraphBuilder& g, const graph::WeightScope& w,
                                  int64_t tokens, TableShape table) {
  Tensor rows({1, tokens}, DType::i32);
  const std::span<int32_t> ids = rows.values<int32_t>();
  std::iota(ids.begin(), ids.end(), 0);
  return look_up(g, w, std::move(rows), table);
}

graph::ValueId same_embedding(graph::GraphBuilder& g, const graph::WeightScope& w, int64_t tokens,
                              int32_t row, TableShape table) {
  Tensor rows({1, tokens}, DType::i32);
  std::ranges::fill(rows.values<int32_t>(), row);
  return look_up(g, w, std::move(rows), table);
}

}  // namespace edgefusion::models
