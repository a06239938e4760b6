#include "data/layout.h"

#include <algorithm>

namespace edgefusion::data {
namespace {

constexpr double kMargin = 0.02;
constexpr double kCellMargin = 0.012;

/// The start of a length whose middle is `off` from that of the square; it stays inside.
double start_of(double length, double off) {
  const double start = 0.5 + off - length / 2;
  return std::clamp(start, kMargin, std::max(1 - kMargin - length, kMargin));
}

/// Puts a box into a cell that is larger, anywhere in it but at its border.
Box within(Box box, const Box& cell, Dice& dice) {
  box.x = cell.x + dice.between(kCellMargin, cell.width - box.width - kCellMargin);
  box.y = cell.y + dice.between(kCellMargin, cell.height - box.height - kCellMargin);
  return box;
}

std::vector<Box> row_of_cells(int count, double top, double height) {
  const double width = (1 - 2 * kMargin) / count;
  std::vector<Box> cells;
  for (int i = 0; i < count; ++i) cells.push_back({kMargin + i * width, top, width, height});
  return cells;
}

std::vector<Box> cells_for(int count, Dice& dice) {
  const double half = (1 - 2 * kMargin) / 2;
  const size_t choice = dice.below(2);
  if (count == 2 && choice == 1) {  // from corner to corner
    return {{kMargin, kMargin, half, half}, {kMargin + half, kMargin + half, half, half}};
  }
  if (count == 3 && choice == 1) {
    std::vector<Box> cells = row_of_cells(2, kMargin + half, half);
    cells.push_back({0.5 - half / 2, kMargin, half, half});
    return cells;
  }
  if (count == 4) {
    std::vector<Box> cells = row_of_cells(2, kMargin, half);
    const std::vector<Box> lower = row_of_cells(2, kMargin + half, half);
    cells.insert(cells.end(), lower.begin(), lower.end());
    return cells;
  }
  const double side = (1 - 2 * kMargin) / count;
  return row_of_cells(count, start_of(side, dice.between(-0.15, 0.15)), side);
}

}  // namespace

std::vector<Box> in_order(Box first, Box second, Axis axis, double loose, Dice& dice) {
  const bool across = axis == Axis::across;
  const double a = across ? first.width : first.height, b = across ? second.width : second.height;
  const double room = 1 - 2 * kMargin - a - b;
  const double gap = dice.between(std::min(0.03, room), std::min(0.16, room));
  const double start = kMargin + dice.between(0, room - gap);
  const double end = start + a + gap;
  (across ? first.x : first.y) = start;
  (across ? second.x : second.y) = end;
  for (Box* box : {&first, &second}) {
    const double off = dice.between(-loose, loose);
    (across ? box->y : box->x) = start_of(across ? box->height : box->width, off);
  }
  return {first, second};
}

std::vector<Box> in_group(const Extent& extent, int count, Dice& dice) {
  std::vector<Box> cells = cells_for(count, dice);
  const double size = cells.front().width * dice.between(0.78, 0.92) - 2 * kCellMargin;
  for (Box& cell : cells) cell = within(extent.scaled(size), cell, dice);
  return cells;
}

Box in_middle(Box box, double loose, Dice& dice) {
  box.x = start_of(box.width, dice.between(-loose, loose));
  box.y = start_of(box.height, dice.between(-loose, loose));
  return box;
}

Box at_border(Box box, int column, int row, Dice& dice) {
  const auto place = [&](double length, int side) {
    const double margin = dice.between(kMargin, 0.08);
    if (side == 0) return start_of(length, dice.between(-0.05, 0.05));
    return side < 0 ? margin : 1 - margin - length;
  };
  box.x = place(box.width, column);
  box.y = place(box.height, row);
  return box;
}

}  // namespace edgefusion::data
