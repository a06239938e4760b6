#pragma once

#include <span>
#include <vector>

namespace edgefusion::drawing {

struct Box {
  double x = 0, y = 0, width = 0, height = 0;

  double area() const { return width * height; }
};

/// Divides an area among weights (finite, from 0 on) in rectangles that are as square as that goes:
/// Bruls, Huizing, van Wijk, "Squarified Treemaps", 2000. Boxes are in the order of the weights;
/// their areas have the proportions of the weights and fill the area. All are empty if no weight is
/// above 0. Errors: none.
std::vector<Box> treemap(std::span<const double> weights, Box area);

}  // namespace edgefusion::drawing
