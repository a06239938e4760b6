#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "drawing/testing/html_tags.h"
#include "profile/compare.h"
#include "profile/profile_html.h"
#include "profile/profile_table.h"
#include "profile/testing/sample_profile.h"
#include "profile/trace_json.h"

namespace edgefusion::profile {
namespace {

using nlohmann::json;

TEST(TraceJson, IsOfTheTraceEventFormatWithATrackForEachThread) {
  const json trace = json::parse(trace_json(sample_recording()));
  std::map<int, std::string> threads;
  std::map<int, std::vector<std::pair<double, double>>> open;
  int counters = 0;
  for (const json& event : trace.at("traceEvents")) {
    const std::string phase = event.at("ph");
    EXPECT_TRUE(event.at("pid").is_number_integer());
    EXPECT_TRUE(event.at("name").is_string());
    if (phase == "M" && event.at("name") == "thread_name") {
      threads[event.at("tid")] = event.at("args").at("name");
    }
    if (phase == "C") ++counters;
    if (phase != "X") continue;
    const double begin = event.at("ts"), end = begin + event.at("dur").get<double>();
    EXPECT_LE(begin, end);
    EXPECT_TRUE(threads.contains(event.at("tid"))) << "a track without a name";
    // Spans of a track lie within each other or apart: the format knows no others.
    auto& stack = open[event.at("tid")];
    while (!stack.empty() && stack.back().second <= begin + 1e-9) stack.pop_back();
    if (!stack.empty()) {
      EXPECT_LE(end, stack.back().second + 1e-6) << event;
    }
    stack.emplace_back(begin, end);
  }
  EXPECT_EQ(threads, (std::map<int, std::string>{{1, "main"}, {2, "worker 1"}}));
  EXPECT_EQ(counters, 3) << "one for each step, and one at the end of the run";
  const json& events = trace.at("traceEvents");
  const auto step = std::ranges::find_if(
      events, [](const json& event) { return event.value("cat", "") == "step"; });
  ASSERT_NE(step, events.end());
  EXPECT_EQ(step->at("name"), "down_blocks.0.<conv1>");
  EXPECT_DOUBLE_EQ(step->at("ts"), 0.3);
  EXPECT_EQ(step->at("args").at("macs"), 1000000000);
}

TEST(ProfileHtml, IsWellFormedAndLoadsNothing) {
  const Recording recording = sample_recording();
  const auto comparison = compare(recording.profile, "old.json", recording.profile);
  ASSERT_TRUE(comparison);
  for (const std::string& html :
       {profile_html(recording), profile_html(recording, &*comparison), profile_html({})}) {
    EXPECT_EQ(drawing::tag_complaint(html), "");
    for (const char* loader : {"http:", "https:", "src=", "href=", "url(", "@import"}) {
      EXPECT_EQ(html.find(loader), std::string::npos) << loader;
    }
    EXPECT_EQ(html.find("<conv1>"), std::string::npos) << "names are escaped";
  }
}

TEST(ProfileHtml, HasEveryChart) {
  const std::string html = profile_html(sample_recording());
  for (const char* chart : {"treemap", "timeline", "roofline", "memory"}) {
    EXPECT_NE(html.find("<svg class=\"" + std::string(chart) + "\""), std::string::npos) << chart;
  }
  EXPECT_NE(html.find("down_blocks.0"), std::string::npos);
  EXPECT_NE(html.find("memory 30.0 GB/s"), std::string::npos);
}

TEST(ProfileTable, NamesTheSlowestStepFirst) {
  const std::string table = profile_table(sample_recording().profile);
  const size_t slowest = table.find("slowest steps");
  ASSERT_NE(slowest, std::string::npos);
  EXPECT_LT(table.find("unet/down_blocks.0.<conv1>", slowest),
            table.find("unet/up_blocks.1.norm", slowest));
  EXPECT_NE(table.find("forecast 7.0 MB, measured 6.5 MB"), std::string::npos) << table;
}

}  // namespace
}  // namespace edgefusion::profile
