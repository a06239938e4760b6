#include "eval/comparison_sheet.h"

#include "drawing/contact_sheet.h"

namespace edgefusion::eval {

Result<formats::Image> comparison_sheet(std::span<const std::string> prompts,
                                        std::span<const SheetColumn> columns,
                                        const std::string& title) {
  drawing::ContactSheetOptions options = {.columns = static_cast<int>(columns.size()),
                                          .title = title};
  options.row_labels.assign(prompts.begin(), prompts.end());
  for (const SheetColumn& column : columns) {
    options.column_titles.push_back(column.title);
    // Larger ones (real pictures beside painted ones) are scaled down to the smallest.
    const formats::Image& first = column.pictures.front();
    const bool is_smallest = options.cell_width == 0 || first.width < options.cell_width;
    if (!is_smallest) continue;
    options.cell_width = first.width;
    options.cell_height = first.height;
  }
  std::vector<drawing::ContactSheetCell> cells;
  for (size_t row = 0; row < prompts.size(); ++row) {
    for (const SheetColumn& column : columns) cells.push_back({column.pictures[row], {}});
  }
  return drawing::contact_sheet(cells, options);
}

}  // namespace edgefusion::eval
