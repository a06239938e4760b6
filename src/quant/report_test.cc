#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "drawing/testing/html_tags.h"
#include "formats/png.h"
#include "quant/base64.h"
#include "quant/report_html.h"
#include "quant/report_json.h"

namespace edgefusion::quant {
namespace {

using drawing::tag_complaint;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

std::vector<std::byte> small_png(uint8_t level) {
  formats::Image image{.width = 16, .height = 16};
  for (int i = 0; i < 16 * 16 * 3; ++i)
    image.pixels.push_back(static_cast<uint8_t>(level + i % 64));
  return *formats::encode_png(image);
}

ReportActivation bell() {
  ReportActivation activation{.low = -2, .high = 2, .lowest = -4, .highest = 4};
  for (int i = 0; i < 64; ++i) {
    activation.histogram.push_back(std::floor(1e5 * std::exp(-std::pow((i - 31.5) / 11, 2))));
  }
  activation.clipped_share = 0.0455;
  return activation;
}

QuantizationReport sample_report() {
  QuantizationReport report{.model = "emoji <256>"};
  report.provenance = {{"calibration", "prompts & seeds.txt"}, {"options", "\"a\" 'b'"}};
  report.totals = {.time_before_ms = 900.5,
                   .time_after_ms = 520.25,
                   .bytes_before = 640000000,
                   .bytes_after = 330000000,
                   .psnr_db = 27.5,
                   .ssim = 0.91};
  report.budgets = {{"time", "ms", 500, 520.25, false}, {"weights", "MB", 400, 330, true}};
  ReportCurve curve{.cost = "time", .unit = "ms"};
  for (int i = 0; i < 40; ++i) {
    curve.points.push_back({300.0 + 15 * i, 12 + 6 * std::log2(1.0 + i), i == 14});
  }
  report.curves = {curve, {.cost = "weights", .unit = "MB", .points = curve.points}};
  report.pictures = {{.prompt = "a <b>red</b> fox",
                      .before_png = small_png(10),
                      .after_png = small_png(90),
                      .psnr_db = INFINITY,
                      .ssim = 1,
                      .clip_before = 31.5,
                      .clip_after = 31.25},
                     {.prompt = "nothing"}};
  for (int i = 0; i < 50; ++i) {
    ReportLayer layer{.name = "down_blocks." + std::to_string(i) + ".attn1.to_q",
                      .network = "unet",
                      .kind = "linear",
                      .scheme = i % 5 ? "w8a8" : "bf16",
                      .time_ms = 0.1 * (i % 7),
                      .bytes_before = 204800,
                      .bytes_after = 103680,
                      .input_sqnr_db = 30 + i % 13};
    layer.sensitivity = {.latents_sqnr_db = 20 + (i * 37) % 41, .psnr_db = 40, .ssim = 0.99};
    if (i % 4 != 3) layer.activation = bell();
    if (i % 5 == 0) layer.fallback = "SQNR of 8.1 dB is below 15 dB";
    report.layers.push_back(layer);
  }
  report.layers[1].activation->nan_count = 3;
  report.layers.push_back({.name = "<script>alert(\"x\")</script>",
                           .network = "a'b&c",
                           .kind = "conv 3x3",
                           .scheme = "w8a8"});
  return report;
}

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t i = text.find(part); i != std::string_view::npos; i = text.find(part, i + 1)) ++found;
  return found;
}

TEST(Base64, IsThatOfTheStandard) {
  EXPECT_EQ(to_base64(bytes_of("")), "");
  EXPECT_EQ(to_base64(bytes_of("f")), "Zg==");
  EXPECT_EQ(to_base64(bytes_of("fo")), "Zm8=");
  EXPECT_EQ(to_base64(bytes_of("foo")), "Zm9v");
  EXPECT_EQ(to_base64(bytes_of("foobar")), "Zm9vYmFy");
  EXPECT_EQ(to_base64(bytes_of("\xff\xfe")), "//4=");
}

TEST(ReportHtml, IsWellFormed) {
  EXPECT_EQ(tag_complaint(report_html(sample_report())), "");
  EXPECT_EQ(tag_complaint(report_html({})), "");
  EXPECT_NE(tag_complaint("<p><b></p>"), "") << "the check can fail";
  EXPECT_NE(tag_complaint("<p>a > b</p>"), "");
}

TEST(ReportHtml, EscapesEveryText) {
  const std::string html = report_html(sample_report());
  EXPECT_EQ(count(html, "<script>"), 1u) << "the page's own";
  EXPECT_EQ(count(html, "<b>red"), 0u);
  EXPECT_GT(count(html, "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"), 0u);
  EXPECT_EQ(count(html, "alert(\""), 0u);
  EXPECT_GT(count(html, "a&#39;b&amp;c"), 0u);
}

TEST(ReportHtml, NeedsNothingFromOutside) {
  const std::string html = report_html(sample_report());
  for (const char* part : {"http:", "https:", "\"//", "url(", "@import", "<link", "src=\"/"}) {
    EXPECT_EQ(count(html, part), 0u) << part;
  }
  EXPECT_EQ(count(html, "src=\""), 2u);
  EXPECT_EQ(count(html, "src=\"data:image/png;base64,"), 2u);
}

TEST(ReportHtml, TellsAllThereIs) {
  const std::string html = report_html(sample_report());
  EXPECT_EQ(count(html, "<tr>"), 2u + 2 + 51) << "heads, budgets, layers";
  EXPECT_EQ(count(html, "<svg class=\"pareto\""), 2u);
  EXPECT_EQ(count(html, "class=\"chosen\""), 2u);
  EXPECT_GT(count(html, "<svg class=\"histogram\""), 30u);
  EXPECT_EQ(count(html, "not met"), 1u);
  EXPECT_EQ(count(html, "SQNR of 8.1 dB is below 15 dB"), 10u);
  EXPECT_GT(count(html, "The 40 most sensitive of 50."), 0u);
  EXPECT_GT(count(html, "640.0 MB"), 0u);
  EXPECT_EQ(count(html, "class=\"warn\">3, 0"), 1u);
}

TEST(ReportHtml, HoldsOddNumbers) {
  QuantizationReport report = sample_report();
  report.curves[0].points[3].sqnr_db = INFINITY;
  report.curves[0].points[4].cost = NAN;
  report.curves[1].points = {{1, 1, true}};
  report.layers[0].activation->highest = INFINITY;
  report.layers[1].activation->histogram.assign(64, 0.0);
  report.layers[2].activation->low = report.layers[2].activation->lowest = 4;
  report.layers[4].sensitivity.latents_sqnr_db = INFINITY;
  const std::string html = report_html(report);
  EXPECT_EQ(tag_complaint(html), "");
  EXPECT_EQ(count(html, "=\"nan"), 0u);
  EXPECT_EQ(count(html, "no number\""), 0u);
}

TEST(ReportJson, CarriesTheSame) {
  const auto json = nlohmann::json::parse(report_json(sample_report()));
  EXPECT_EQ(json["model"], "emoji <256>");
  EXPECT_EQ(json["provenance"]["calibration"], "prompts & seeds.txt");
  EXPECT_EQ(json["totals"]["psnr_db"], 27.5);
  EXPECT_EQ(json["budgets"][0]["met"], false);
  EXPECT_EQ(json["curves"][1]["unit"], "MB");
  EXPECT_EQ(json["curves"][0]["points"][14]["chosen"], true);
  EXPECT_TRUE(json["pictures"][0]["psnr_db"].is_null()) << "no difference";
  EXPECT_EQ(json["pictures"][0]["before_png"], to_base64(small_png(10)));
  EXPECT_FALSE(json["pictures"][1].contains("psnr_db")) << "not measured";
  EXPECT_EQ(json["layers"].size(), 51u);
  EXPECT_EQ(json["layers"][5]["fallback"], "SQNR of 8.1 dB is below 15 dB");
  EXPECT_EQ(json["layers"][1]["activation"]["histogram"].size(), 64u);
  EXPECT_EQ(json["layers"][1]["activation"]["nan_count"], 3);
  EXPECT_EQ(json["layers"][0]["sensitivity"]["ssim"], 0.99);
  EXPECT_FALSE(json["layers"][50].contains("sensitivity"));
}

TEST(ReportJson, TakesNamesThatAreNoText) {
  QuantizationReport report;
  report.model = "a\xff";
  EXPECT_EQ(nlohmann::json::parse(report_json(report))["model"], "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace edgefusion::quant
