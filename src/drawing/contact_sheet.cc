#include "drawing/contact_sheet.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "drawing/bitmap_font.h"
#include "drawing/box_filter.h"
#include "drawing/canvas.h"

namespace edgefusion::drawing {
namespace {

constexpr size_t kCaptionLines = 2;
constexpr int kMostColumns = 1000;
constexpr int kMostRows = static_cast<int>(kMaxPixels / kSheetGap);  // each is at least a gap high
constexpr int kMostScale = 8;
constexpr int kLongestSide = 1 << 20;  // of a cell; sums of a few of them fit an int
constexpr Colour kText{40, 40, 40};
constexpr Colour kFrame{222, 222, 222};

/// Where everything is, in pixels of the sheet.
struct Layout {
  int columns = 0;
  int rows = 0;
  int cell_width = 0;
  int cell_height = 0;
  std::vector<std::vector<std::string>> labels;  ///< lines of each row's label
  int label_width = 0;                           ///< with the gap after it; 0 without labels
  int titles_top = 0;                            ///< of the column titles
  int cells_top = 0;
  int row_height = 0;  ///< from one row of cells to the next
  int64_t width = 0;
  int64_t height = 0;

  int x(int column) const { return kSheetGap + label_width + column * (cell_width + kSheetGap); }
  int y(int row) const { return cells_top + row * row_height; }
};

Status check_options(const ContactSheetOptions& options) {
  const auto within = [](const char* name, int value, int low, int high) -> Status {
    if (value >= low && value <= high) return {};
    return fail(ErrorCode::invalid_argument,
                std::string("contact sheet: ") + name + " is " + std::to_string(value) +
                    ", expected " + std::to_string(low) + " to " + std::to_string(high));
  };
  EF_TRY_STATUS(within("columns", options.columns, 1, kMostColumns));
  EF_TRY_STATUS(within("cell_width", options.cell_width, 0, kLongestSide));
  EF_TRY_STATUS(within("cell_height", options.cell_height, 0, kLongestSide));
  EF_TRY_STATUS(within("text_scale", options.text_scale, 1, kMostScale));
  return within("row_label_width", options.row_label_width, 0, kLongestSide);
}

Status check_count(const char* what, size_t given, int most) {
  if (given <= static_cast<size_t>(most)) return {};
  return fail(ErrorCode::invalid_argument, std::string("contact sheet: ") + std::to_string(given) +
                                               " " + what + ", expected at most " +
                                               std::to_string(most));
}

std::vector<std::string> caption_lines(const ContactSheetCell& cell, int width, int scale) {
  return wrap_text(cell.caption, width, kCaptionLines, scale);
}

/// The row labels in lines that fit their width and the height of a cell.
std::vector<std::vector<std::string>> label_lines(const ContactSheetOptions& options,
                                                  int cell_height) {
  const auto room =
      static_cast<size_t>(std::max(1, cell_height / (kLineHeight * options.text_scale)));
  std::vector<std::vector<std::string>> labels;
  for (const std::string& label : options.row_labels) {
    labels.push_back(wrap_text(label, options.row_label_width, room, options.text_scale));
  }
  return labels;
}

int widest_line(const std::vector<std::vector<std::string>>& labels, int scale) {
  int widest = 0;
  for (const std::vector<std::string>& lines : labels) {
    for (const std::string& line : lines) widest = std::max(widest, text_width(line, scale));
  }
  return widest;
}

/// Columns, rows and the size of a cell.
Result<Layout> gridded(std::span<const ContactSheetCell> cells,
                       const ContactSheetOptions& options) {
  Layout at;
  const size_t wanted = std::max({cells.size(), options.column_titles.size(), size_t{1}});
  at.columns = static_cast<int>(std::min(static_cast<size_t>(options.columns), wanted));
  const auto columns = static_cast<size_t>(at.columns);
  const size_t rows = (cells.size() + columns - 1) / columns;
  EF_TRY_STATUS(check_count("rows", rows, kMostRows));
  at.rows = static_cast<int>(rows);
  EF_TRY_STATUS(check_count("column titles", options.column_titles.size(), at.columns));
  EF_TRY_STATUS(check_count("row labels", options.row_labels.size(), at.rows));

  at.cell_width = options.cell_width;
  at.cell_height = options.cell_height;
  for (const ContactSheetCell& cell : cells) {
    if (options.cell_width == 0) at.cell_width = std::max(at.cell_width, cell.picture.width);
    if (options.cell_height == 0) at.cell_height = std::max(at.cell_height, cell.picture.height);
  }
  return at;
}

Result<Layout> arranged(std::span<const ContactSheetCell> cells,
                        const ContactSheetOptions& options) {
  EF_TRY(Layout at, gridded(cells, options));
  const int scale = options.text_scale, line = kLineHeight * scale;
  size_t captions = 0;  // lines of the longest
  for (const ContactSheetCell& cell : cells) {
    captions = std::max(captions, caption_lines(cell, at.cell_width, scale).size());
  }
  at.labels = label_lines(options, at.cell_height);
  const int label_width = widest_line(at.labels, scale);
  at.label_width = label_width == 0 ? 0 : label_width + kSheetGap;
  const bool titled = std::any_of(options.column_titles.begin(), options.column_titles.end(),
                                  [](const std::string& title) { return !title.empty(); });
  at.titles_top = kSheetGap + (options.title.empty() ? 0 : line + kSheetGap / 2);
  at.cells_top = at.titles_top + (titled ? line + kSheetGap / 2 : 0);
  const int caption_height = captions == 0 ? 0 : kSheetGap / 2 + static_cast<int>(captions) * line;
  at.row_height = at.cell_height + caption_height + kSheetGap;
  at.width = int64_t{kSheetGap} + at.label_width +
             int64_t{at.columns} * (int64_t{at.cell_width} + kSheetGap);
  at.height = int64_t{at.cells_top} + int64_t{at.rows} * at.row_height;
  if (at.rows == 0) at.height += kSheetGap;
  if (at.height > kMaxPixels || at.width > kMaxPixels / at.height) {
    return fail(ErrorCode::invalid_argument,
                "contact sheet: " + std::to_string(at.width) + "x" + std::to_string(at.height) +
                    " pixels, expected at most " + std::to_string(kMaxPixels) + " in all");
  }
  return at;
}

/// One line in the middle of [left, left + width), cut to fit.
void draw_centred(formats::Image& sheet, int left, int width, int y, const std::string& text,
                  int scale) {
  const std::string line = cut_text(text, width, scale);
  draw_text(sheet, left + (width - text_width(line, scale)) / 2, y, line, kText, scale);
}

void draw_labels(formats::Image& sheet, const Layout& at, int scale) {
  const int line = kLineHeight * scale;
  for (size_t i = 0; i < at.labels.size(); ++i) {
    const int height = static_cast<int>(at.labels[i].size()) * line;
    int y = at.y(static_cast<int>(i)) + std::max(0, at.cell_height - height) / 2;
    for (const std::string& text : at.labels[i]) {
      draw_text(sheet, kSheetGap, y, text, kText, scale);
      y += line;
    }
  }
}

void draw_cell(formats::Image& sheet, const Layout& at, size_t index, const ContactSheetCell& cell,
               int scale) {
  const int x = at.x(static_cast<int>(index) % at.columns);
  const int y = at.y(static_cast<int>(index) / at.columns);
  draw_rectangle(sheet, {x - 1, y - 1, at.cell_width + 2, at.cell_height + 2}, kFrame);
  if (cell.picture.width > 0 && cell.picture.height > 0) {
    const formats::Image shown = scaled_to_fit(cell.picture, at.cell_width, at.cell_height);
    blit(sheet, x + (at.cell_width - shown.width) / 2, y + (at.cell_height - shown.height) / 2,
         shown);
  }
  int text_y = y + at.cell_height + kSheetGap / 2;
  for (const std::string& line : caption_lines(cell, at.cell_width, scale)) {
    draw_centred(sheet, x, at.cell_width, text_y, line, scale);
    text_y += kLineHeight * scale;
  }
}

}  // namespace

Result<formats::Image> contact_sheet(std::span<const ContactSheetCell> cells,
                                     const ContactSheetOptions& options) {
  EF_TRY_STATUS(check_options(options));
  EF_TRY(const Layout at, arranged(cells, options));
  const int scale = options.text_scale;
  formats::Image sheet = blank_image(static_cast<int>(at.width), static_cast<int>(at.height));

  const std::string title = cut_text(options.title, sheet.width - 2 * kSheetGap, scale);
  draw_text(sheet, kSheetGap, kSheetGap, title, kBlack, scale);
  for (size_t i = 0; i < options.column_titles.size(); ++i) {
    draw_centred(sheet, at.x(static_cast<int>(i)), at.cell_width, at.titles_top,
                 options.column_titles[i], scale);
  }
  draw_labels(sheet, at, scale);
  for (size_t i = 0; i < cells.size(); ++i) draw_cell(sheet, at, i, cells[i], scale);
  return sheet;
}

}  // namespace edgefusion::drawing
