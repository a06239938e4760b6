#include "drawing/treemap.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace edgefusion::drawing {
namespace {

/// The worst ratio of sides in a row of areas along a side of that length.
double worst_ratio(double sum, double least, double most, double side) {
  const double square = sum * sum, side_square = side * side;
  return std::max(side_square * most / square, square / (side_square * least));
}

/// Puts a row of areas along the shorter side of what is free, and takes it off that.
void place_row(std::span<const size_t> row, std::span<const double> areas, Box& free,
               std::vector<Box>& boxes) {
  double sum = 0;
  for (const size_t item : row) sum += areas[item];
  const bool is_column = free.width >= free.height;
  const double side = is_column ? free.height : free.width;
  const double thickness = side > 0 ? sum / side : 0;
  double at = is_column ? free.y : free.x;
  for (const size_t item : row) {
    const double length = thickness > 0 ? areas[item] / thickness : 0;
    boxes[item] =
        is_column ? Box{free.x, at, thickness, length} : Box{at, free.y, length, thickness};
    at += length;
  }
  if (is_column) {
    free.x += thickness;
    free.width -= thickness;
  } else {
    free.y += thickness;
    free.height -= thickness;
  }
}

}  // namespace

std::vector<Box> treemap(std::span<const double> weights, Box area) {
  std::vector<Box> boxes(weights.size(), Box{area.x, area.y, 0, 0});
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!(total > 0) || !(area.area() > 0)) return boxes;
  std::vector<double> areas;
  for (const double weight : weights) areas.push_back(weight / total * area.area());
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](size_t item) { return areas[item]; });
  while (!order.empty() && !(areas[order.back()] > 0)) order.pop_back();

  size_t first = 0;
  while (first < order.size()) {
    const double side = std::min(area.width, area.height);
    const double most = areas[order[first]];
    double sum = most, ratio = worst_ratio(sum, most, most, side);
    size_t end = first + 1;
    for (; end < order.size(); ++end) {
      const double next = areas[order[end]];
      const double with_next = worst_ratio(sum + next, next, most, side);
      if (with_next > ratio) break;
      sum += next;
      ratio = with_next;
    }
    place_row(std::span(order).subspan(first, end - first), areas, area, boxes);
    first = end;
  }
  return boxes;
}

}  // namespace edgefusion::drawing
