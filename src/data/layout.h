#pragma once

#include <cstdint>
#include <vector>

#include "data/dice.h"

namespace edgefusion::data {

// Places on a square of side 1. Boxes of one layout do not overlap and lie inside.

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

/// Proportions of an object, the longer side 1.
struct Extent {
  double width = 1, height = 1;

  Box scaled(double longest) const { return {0, 0, longest * width, longest * height}; }
};

enum class Axis : uint8_t { across, down };

/// Two boxes, the first one left of or above the second, with a gap between; their sizes are
/// together at most 0.92 along the axis. Across the axis they are near the middle, or anywhere
/// within `loose` of it.
std::vector<Box> in_order(Box first, Box second, Axis axis, double loose, Dice& dice);

/// 2 to 4 boxes of one size, in a row or in two rows.
std::vector<Box> in_group(const Extent& extent, int count, Dice& dice);

/// One box near the middle.
Box in_middle(Box box, double loose, Dice& dice);

/// One box at a border or in a corner: -1, 0 or 1 in each direction, from the left and the top.
Box at_border(Box box, int column, int row, Dice& dice);

}  // namespace edgefusion::data
