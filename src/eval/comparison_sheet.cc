#include "eval/comparison_sheet.h"

#include <utility>

#include "drawing/contact_sheet.h"

namespace edgefusion::eval {

namespace {

using drawing::ContactSheetCell;
using drawing::ContactSheetOptions;

Result<formats::Image> square_sheet(std::span<const std::string> prompts, const SheetColumn& column,
                                    ContactSheetOptions options) {
  options.columns = 1;
  while (static_cast<size_t>(options.columns) * static_cast<size_t>(options.columns) <
         prompts.size()) {
    ++options.columns;
  }
  options.title += (options.title.empty() ? "" : ", ") + column.title;
  std::vector<ContactSheetCell> cells;
  for (size_t i = 0; i < prompts.size(); ++i) cells.push_back({column.pictures[i], prompts[i]});
  return drawing::contact_sheet(cells, options);
}

}  // namespace

Result<formats::Image> comparison_sheet(std::span<const std::string> prompts,
                                        std::span<const SheetColumn> columns,
                                        const std::string& title, int cell) {
  ContactSheetOptions options = {.columns = static_cast<int>(columns.size()),
                                 .cell_width = cell,
                                 .cell_height = cell,
                                 .title = title};
  if (columns.size() == 1) return square_sheet(prompts, columns[0], std::move(options));
  options.row_labels.assign(prompts.begin(), prompts.end());
  for (const SheetColumn& column : columns) {
    options.column_titles.push_back(column.title);
    // Larger ones (real pictures beside painted ones) are scaled down to the smallest.
    const formats::Image& first = column.pictures.front();
    const bool is_smallest = options.cell_width == 0 || first.width < options.cell_width;
    if (!is_smallest || cell > 0) continue;
    options.cell_width = first.width;
    options.cell_height = first.height;
  }
  std::vector<ContactSheetCell> cells;
  for (size_t row = 0; row < prompts.size(); ++row) {
    for (const SheetColumn& column : columns) cells.push_back({column.pictures[row], {}});
  }
  return drawing::contact_sheet(cells, options);
}

}  // namespace edgefusion::eval
