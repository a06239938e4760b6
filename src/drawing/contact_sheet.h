#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "formats/image.h"

namespace edgefusion::drawing {

struct ContactSheetCell {
  formats::Image picture;  ///< gray, RGB or RGBA; one of no pixels leaves the place empty
  std::string caption;     ///< beneath it, at most two lines, the rest cut with "..."
};

/// Lengths are in pixels of the sheet. Texts are UTF-8, drawn with the bitmap font.
struct ContactSheetOptions {
  int columns = 4;      ///< 1 to 1000; a sheet of fewer cells and titles is narrower
  int cell_width = 0;   ///< room for a picture; 0: as the widest one
  int cell_height = 0;  ///< 0: as the tallest one
  int text_scale = 1;   ///< 1 to 8
  std::string title;    ///< above all, one line
  std::vector<std::string> column_titles;  ///< above the columns, one line each
  std::vector<std::string>
      row_labels;             ///< left of the rows, wrapped, as many lines as a cell has room
  int row_label_width = 160;  ///< at most
};

inline constexpr int kSheetGap = 10;  ///< around the sheet and between cells, with every text scale

/// Pictures in rows from the upper left, all in cells of one size on white. A picture larger than
/// the cell is scaled down with its proportions kept, a smaller one stays as it is; both are
/// centred. Space for titles, labels and captions is taken only where there are some. Errors:
/// invalid_argument (options out of their limits, more titles or labels than columns or rows, a
/// sheet of more than kMaxPixels).
Result<formats::Image> contact_sheet(std::span<const ContactSheetCell> cells,
                                     const ContactSheetOptions& options = {});

}  // namespace edgefusion::drawing
