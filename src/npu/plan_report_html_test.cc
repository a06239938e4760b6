#include "npu/plan_report_html.h"

#include <gtest/gtest.h>

#include "npu/testing/small_work.h"

namespace edgefusion::npu {
namespace {

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

/// Silu after silu, each a group of its own; what the first makes stays until the second.
PlannedRun chain(const std::string& name, int ops, int commands_per_op = 1) {
  SmallWork w;
  SmallSchedule s;
  PlannedRun run;
  const Box box = lines(0, 10, 4);
  TensorId x = w.tensor("x", {1, 10, 1, 4});
  const int stays = s.slot(80, 0), other = s.slot(80, 80);
  for (int g = 0; g < ops; ++g) {
    const TensorId y = w.tensor(name + " <y&\"" + std::to_string(g) + ">", {1, 10, 1, 4});
    const OpId op = w.pointwise(x, y);
    s.group = g;
    run.plan.groups.push_back({op, op + 1, {}});
    for (int i = 0; i < commands_per_op; ++i) {
      s.load(at(other, x, box));
      s.compute(op, {at(other, x, box)}, at(stays, y, box));
      s.store(at(stays, y, box));
    }
    x = y;
  }
  s.schedule.slots[1].last_group = ops - 1;
  run.plan.residences.push_back({1, 0, std::min(1, ops - 1), 0});
  run.work = w.work;
  run.work.name = name;
  run.schedule = s.schedule;
  run.timeline = simulate(small_device(), run.work, run.schedule);
  run.op_by_op = run.timeline;
  run.reasons.all.push_back(
      {.kind = ReasonKind::spilled, .text = "because <of> it", .cycles = 2e3});
  return run;
}

TEST(PlanReportHtml, HasEachNetworkAndOpensTheOneThatTakesLongestInAPicture) {
  std::vector<PlannedRun> runs;
  for (const char* name : {"text", "unet", "decoder"}) runs.push_back(chain(name, 3));
  runs[1].runs = 5;
  const std::string html = plan_report_html(small_device(), {"model", 64, 32, 2}, runs);
  EXPECT_EQ(count_of(html, "<details"), 3u);
  EXPECT_EQ(count_of(html, "</details>"), 3u);
  EXPECT_EQ(count_of(html, "<details open>"), 1u);
  EXPECT_NE(html.find("<details open><summary>unet,"), std::string::npos);
  EXPECT_NE(html.find("<summary>text,"), std::string::npos);
  EXPECT_NE(html.find("<summary>decoder,"), std::string::npos);
  EXPECT_NE(html.find("64x32, 2 steps"), std::string::npos);
}

TEST(PlanReportHtml, NamesAreEscapedAndNothingIsFetched) {
  const std::string html = plan_report_html(small_device(), {"<m>", 1, 1, 1}, {chain("net", 2)});
  EXPECT_NE(html.find("<title>net &lt;y&amp;&quot;0&gt;\n"), std::string::npos);
  EXPECT_EQ(html.find("<y&"), std::string::npos);
  EXPECT_EQ(html.find("<m>"), std::string::npos);
  EXPECT_NE(html.find("because &lt;of&gt; it"), std::string::npos);
  EXPECT_EQ(html.find("http"), std::string::npos);
}

TEST(PlanReportHtml, TellsTimesAndTrafficOfGroups) {
  // A load of 80 bytes, 40 elements on 4 lanes, a store: 30 cycles of a kHz each.
  const std::string html = plan_report_html(small_device(), {"m", 1, 1, 1}, {chain("net", 1)});
  EXPECT_NE(html.find("<td data-v=\"0.03\">0.030</td>"), std::string::npos);
  EXPECT_NE(html.find("op by op 160 B, plan 160 B"), std::string::npos) << html;
  EXPECT_NE(html.find("<td data-v=\"2\">2.0000</td>"), std::string::npos);
}

TEST(PlanReportHtml, StaysSmallHoweverManyCommandsThereAre) {
  const std::string html =
      plan_report_html(small_device(), {"m", 1, 1, 1}, {chain("net", 100, 200)});
  EXPECT_LT(html.size(), 1'000'000u);
  const size_t lanes = html.find("class=\"lanes\"");
  const std::string svg = html.substr(lanes, html.find("</svg>", lanes) - lanes);
  EXPECT_GT(count_of(svg, "<rect"), 3u);
  EXPECT_LE(count_of(svg, "<rect"), 2000u);
}

}  // namespace
}  // namespace edgefusion::npu
