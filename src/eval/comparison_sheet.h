#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "formats/image.h"

namespace edgefusion::eval {

/// One way of painting: a column of a sheet.
struct SheetColumn {
  std::string title;
  std::span<const formats::Image> pictures;  ///< at least one a prompt
};

/// Pictures side by side, a row for each prompt with the prompt left of it; of one column only, a
/// square of pictures with their prompts beneath. cell: most pixels of a picture's side; 0: as the
/// smallest picture. Errors: those of drawing::contact_sheet (a sheet that would be too large).
Result<formats::Image> comparison_sheet(std::span<const std::string> prompts,
                                        std::span<const SheetColumn> columns,
                                        const std::string& title, int cell = 0);

}  // namespace edgefusion::eval
