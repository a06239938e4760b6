#include "npu/timeline_trace.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "npu/testing/random_schedule.h"
#include "npu/testing/small_work.h"

namespace edgefusion::npu {
namespace {

using nlohmann::json;

json events(const Device& device, const Work& work, const Schedule& schedule) {
  const std::string text = to_trace_json(device, work, schedule, simulate(device, work, schedule));
  return json::parse(text).at("traceEvents");
}

TEST(TimelineTrace, HasATrackForEachEngineAndOneForGroups) {
  const RandomSchedule random(1, 1);
  Device device = small_device();
  device.tensor.count = 2;
  device.dma.channels = 2;
  std::vector<std::string> names;
  for (const json& event : events(device, random.work(), random.schedule())) {
    if (event["name"] == "thread_name") names.push_back(event["args"]["name"]);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"tensor 1", "tensor 2", "vector", "dma 1", "dma 2",
                                             "host", "groups"}));
}

TEST(TimelineTrace, TellsWhatRanWhenInMicroseconds) {
  SmallWork w;
  const TensorId x = w.tensor("x", {1, 10, 1, 4}), y = w.tensor("y \"quoted\"", {1, 10, 1, 4});
  const OpId silu = w.pointwise(x, y);
  SmallSchedule s;
  s.group = 3;
  const Box box = lines(0, 10, 4);
  const int in = s.slot(80, 0), out = s.slot(80, 80);
  s.load(at(in, x, box));
  s.compute(silu, {at(in, x, box)}, at(out, y, box));
  Device device = small_device();
  device.clock_mhz = 2;  // 10 cycles are 5 us
  device.hand_over_cycles = 4;
  std::vector<json> runs, groups;
  for (const json& event : events(device, w.work, s.schedule)) {
    if (event["ph"] == "X") runs.push_back(event);
    if (event["cat"] == "group") groups.push_back(event);
  }
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0]["name"], "load x");
  EXPECT_EQ(runs[0]["tid"], 3);
  EXPECT_EQ(runs[0]["ts"], 0.0);
  EXPECT_EQ(runs[0]["dur"], 5.0);
  EXPECT_EQ(runs[0]["args"]["bytes"], 80);
  EXPECT_EQ(runs[0]["args"]["group"], 3);
  EXPECT_EQ(runs[1]["name"], "y \"quoted\"");
  EXPECT_EQ(runs[1]["tid"], 2);
  EXPECT_EQ(runs[1]["ts"], 7.0);
  EXPECT_EQ(runs[1]["dur"], 5.0);
  EXPECT_EQ(runs[1]["args"]["part"], "[0:1, 0:10, 0:1, 0:4]");
  EXPECT_EQ(runs[1]["args"]["waited_us"], 7.0);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0]["name"], "group 3: y \"quoted\"");
  EXPECT_EQ(groups[0]["ph"], "b");
  EXPECT_EQ(groups[0]["ts"], 0.0);
  EXPECT_EQ(groups[1]["ph"], "e");
  EXPECT_EQ(groups[1]["ts"], 12.0);
}

TEST(TimelineTrace, HasEveryCommandAndNoTwoAtATimeOnATrack) {
  const RandomSchedule random(5, 200);
  Device device = small_device();
  device.vector.count = 2;
  std::map<int, double> free_at;
  size_t runs = 0;
  for (const json& event : events(device, random.work(), random.schedule())) {
    if (event["ph"] != "X") continue;
    ++runs;
    double& free = free_at[event["tid"]];
    EXPECT_GE(event["ts"].get<double>(), free - 1e-9);
    free = event["ts"].get<double>() + event["dur"].get<double>();
  }
  EXPECT_EQ(runs, 200u);
}

}  // namespace
}  // namespace edgefusion::npu
