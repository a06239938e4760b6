#include "train/image_text_report.h"

#include <array>
#include <cstdio>

namespace edgefusion::train {
namespace {

nlohmann::json to_json(const std::optional<RetrievalReport>& report) {
  if (!report) return nullptr;
  return {{"pictures", report->pictures},
          {"image_to_text_recall_at_1", report->text_of_picture_at_1},
          {"image_to_text_recall_at_5", report->text_of_picture_at_5},
          {"text_to_image_recall_at_1", report->picture_of_text_at_1},
          {"text_to_image_recall_at_5", report->picture_of_text_at_5}};
}

std::string line_of(const char* what, const RetrievalReport& report) {
  std::array<char, 200> text;
  std::snprintf(text.data(), text.size(),
                "%s: among %lld, text of a picture %.3f first, %.3f in five; picture of a text "
                "%.3f first, %.3f in five",
                what, static_cast<long long>(report.pictures), report.text_of_picture_at_1,
                report.text_of_picture_at_5, report.picture_of_text_at_1,
                report.picture_of_text_at_5);
  return text.data();
}

}  // namespace

nlohmann::json ImageTextReport::to_json() const {
  return {{"parameters", parameters},
          {"temperature", temperature},
          {"train", edgefusion::train::to_json(train)},
          {"val", edgefusion::train::to_json(val)}};
}

std::string ImageTextReport::summary() const {
  std::string lines;
  if (train) lines += line_of("training pictures", *train);
  if (val) lines += (lines.empty() ? "" : "\n") + line_of("unseen pictures", *val);
  return lines;
}

}  // namespace edgefusion::train
