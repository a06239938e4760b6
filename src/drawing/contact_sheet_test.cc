#include "drawing/contact_sheet.h"

#include <gtest/gtest.h>

#include "drawing/bitmap_font.h"
#include "drawing/canvas.h"
#include "drawing/testing/pictures.h"

namespace edgefusion::drawing {
namespace {

using testing::count_other;
using testing::cropped;

constexpr int kGap = kSheetGap;

Colour colour_of(size_t index) {
  return {static_cast<uint8_t>(20 * index), static_cast<uint8_t>(200 - 10 * index), 77};
}

/// Pictures of one colour each.
std::vector<ContactSheetCell> cells_of(size_t count, int width, int height,
                                       const std::string& caption = "") {
  std::vector<ContactSheetCell> cells;
  for (size_t i = 0; i < count; ++i) {
    cells.push_back({blank_image(width, height, colour_of(i)), caption});
  }
  return cells;
}

/// Whether the area is of this colour and the pixels around it are not.
void expect_exactly(const formats::Image& sheet, const Rectangle& area, Colour colour) {
  EXPECT_EQ(count_other(cropped(sheet, area), colour), 0) << area.x << " " << area.y;
  for (const auto& [x, y] :
       {std::pair(area.x - 1, area.y), std::pair(area.x, area.y - 1),
        std::pair(area.x + area.width, area.y), std::pair(area.x, area.y + area.height)}) {
    EXPECT_NE(colour_at(sheet, x, y), colour) << x << " " << y;
  }
}

formats::Image sheet_of(std::span<const ContactSheetCell> cells,
                        const ContactSheetOptions& options) {
  auto sheet = contact_sheet(cells, options);
  EXPECT_TRUE(sheet) << sheet.error().message();
  return sheet ? *sheet : blank_image(1, 1);
}

std::string refusal(std::span<const ContactSheetCell> cells, const ContactSheetOptions& options) {
  const auto sheet = contact_sheet(cells, options);
  return sheet ? "drawn" : sheet.error().message();
}

TEST(ContactSheet, PicturesStandInRowsWithGapsBetween) {
  const auto cells = cells_of(5, 30, 20);
  const formats::Image sheet = sheet_of(cells, {.columns = 3});
  EXPECT_EQ(sheet.width, 3 * 30 + 4 * kGap);
  EXPECT_EQ(sheet.height, 2 * 20 + 3 * kGap);
  for (size_t i = 0; i < cells.size(); ++i) {
    const int x = kGap + static_cast<int>(i % 3) * (30 + kGap);
    const int y = kGap + static_cast<int>(i / 3) * (20 + kGap);
    expect_exactly(sheet, {x, y, 30, 20}, colour_of(i));
  }
  // Nothing where a sixth picture would be.
  EXPECT_EQ(count_other(cropped(sheet, {2 * kGap + 2 * 30 + 5, 2 * kGap + 20, 35, 30})), 0);
}

TEST(ContactSheet, ASheetOfFewerCellsThanColumnsIsNarrower) {
  EXPECT_EQ(sheet_of(cells_of(2, 30, 20), {.columns = 8}).width, 2 * 30 + 3 * kGap);
}

TEST(ContactSheet, PicturesLargerThanTheCellAreScaledDownAndCentred) {
  const std::vector<ContactSheetCell> cells = {{blank_image(200, 100, colour_of(1)), ""},
                                               {blank_image(10, 20, colour_of(2)), ""}};
  const formats::Image sheet = sheet_of(cells, {.columns = 2, .cell_width = 40, .cell_height = 40});
  EXPECT_EQ(sheet.width, 2 * 40 + 3 * kGap);
  EXPECT_EQ(sheet.height, 40 + 2 * kGap);
  expect_exactly(sheet, {kGap, kGap + 10, 40, 20}, colour_of(1));
  expect_exactly(sheet, {2 * kGap + 40 + 15, kGap + 10, 10, 20}, colour_of(2));
}

TEST(ContactSheet, CaptionsStayBeneathTheirPicture) {
  auto cells = cells_of(4, 50, 20);
  cells[1].caption = "a very long prompt, which goes on and on beyond two lines";
  const formats::Image sheet = sheet_of(cells, {.columns = 2});
  const int caption = kGap / 2 + 2 * kLineHeight;
  EXPECT_EQ(sheet.height, 2 * (20 + caption + kGap) + kGap);
  EXPECT_EQ(count_other(cropped(sheet, {kGap, kGap + 22, 50, caption})), 0);
  const formats::Image text = cropped(sheet, {2 * kGap + 50, kGap + 22, 50, caption});
  EXPECT_GT(count_other(text), 60);
  // Nothing of it right of its cell, or in the gap before it.
  EXPECT_EQ(count_other(cropped(sheet, {2 * kGap + 100, kGap + 22, kGap, caption})), 0);
  EXPECT_EQ(count_other(cropped(sheet, {kGap + 50, kGap + 22, kGap, caption})), 0);
  expect_exactly(sheet, {kGap, 2 * kGap + 20 + caption, 50, 20}, colour_of(2));
}

TEST(ContactSheet, OneLineOfCaptionsTakesOneLine) {
  const formats::Image sheet = sheet_of(cells_of(1, 60, 20, "short"), {.text_scale = 2});
  EXPECT_EQ(sheet.height, 20 + kGap / 2 + 2 * kLineHeight + 2 * kGap);
}

TEST(ContactSheet, TitlesAndLabelsMoveTheCells) {
  const auto cells = cells_of(6, 40, 40);
  const formats::Image sheet = sheet_of(cells, {.columns = 3,
                                                .title = "thirty-six prompts",
                                                .column_titles = {"1 step", "2 steps", "4 steps"},
                                                .row_labels = {"fox", "a cat"}});
  const int left = 2 * kGap + text_width("a cat");
  const int top = kGap + 2 * (kLineHeight + kGap / 2);
  EXPECT_EQ(sheet.width, left + 3 * (40 + kGap));
  EXPECT_EQ(sheet.height, top + 2 * (40 + kGap));
  for (size_t i = 0; i < cells.size(); ++i) {
    const int x = left + static_cast<int>(i % 3) * (40 + kGap);
    const int y = top + static_cast<int>(i / 3) * (40 + kGap);
    expect_exactly(sheet, {x, y, 40, 40}, colour_of(i));
    const Rectangle title{x, kGap + kLineHeight + kGap / 2, 40, kLineHeight};
    EXPECT_GT(count_other(cropped(sheet, title)), 10);
    const Rectangle label{kGap, y + 10, text_width("fox"), 20};
    EXPECT_GT(count_other(cropped(sheet, label)), 10);
  }
}

TEST(ContactSheet, LongLabelsAreWrappedWithinTheirWidth) {
  const auto cells = cells_of(2, 40, 40);
  const formats::Image sheet = sheet_of(
      cells, {.columns = 1,
              .row_labels = {"a rocket over mountains at night, detailed illustration", "b"},
              .row_label_width = 60});
  EXPECT_LE(sheet.width, 60 + 3 * kGap + 40);
  const int left = sheet.width - kGap - 40;
  expect_exactly(sheet, {left, kGap, 40, 40}, colour_of(0));
  // Not above or below its own row, nor into the picture.
  EXPECT_EQ(count_other(cropped(sheet, {0, 0, left - kGap, kGap})), 0);
  EXPECT_EQ(count_other(cropped(sheet, {0, kGap + 40, left - 1, kGap})), 0);
  EXPECT_EQ(count_other(cropped(sheet, {left - kGap, 0, kGap - 1, sheet.height})), 0);
}

TEST(ContactSheet, NoCellsAndEmptyPicturesAreFine) {
  EXPECT_EQ(count_other(sheet_of({}, {})), 0);
  const std::vector<ContactSheetCell> cells = {{{}, "missing"}, {blank_image(30, 30, kBlack), ""}};
  const formats::Image sheet = sheet_of(cells, {.columns = 2});
  EXPECT_EQ(count_other(cropped(sheet, {kGap, kGap, 30, 30})), 0);
  expect_exactly(sheet, {2 * kGap + 30, kGap, 30, 30}, kBlack);
}

TEST(ContactSheet, OptionsOutOfTheirLimitsAreRefused) {
  const auto cells = cells_of(2, 30, 20);
  EXPECT_EQ(refusal(cells, {.columns = 0}), "contact sheet: columns is 0, expected 1 to 1000");
  EXPECT_NE(refusal(cells, {.cell_width = -1}).find("cell_width"), std::string::npos);
  EXPECT_NE(refusal(cells, {.text_scale = 9}).find("text_scale"), std::string::npos);
  EXPECT_EQ(refusal(cells, {.columns = 1, .column_titles = {"a", "b"}}),
            "contact sheet: 2 column titles, expected at most 1");
  EXPECT_EQ(refusal(cells, {.columns = 2, .row_labels = {"a", "b"}}),
            "contact sheet: 2 row labels, expected at most 1");
  EXPECT_NE(refusal(cells, {.cell_width = 100000, .cell_height = 100000}).find("pixels"),
            std::string::npos);
}

}  // namespace
}  // namespace edgefusion::drawing
