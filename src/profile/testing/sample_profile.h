#pragma once

#include <string>

#include "profile/profile.h"

namespace edgefusion::profile {

/// A made-up profile of two networks, with names that a page or a file must take care of.
inline Recording sample_recording() {
  Recording recording;
  Profile& profile = recording.profile;
  profile.subject = {.model = "a <model> & \"more\"",
                     .architecture = "00ff",
                     .width = 64,
                     .height = 32,
                     .steps = 2,
                     .precision = "bf16",
                     .scheduler = "lcm",
                     .guidance_scale = 1.5};
  profile.machine = {.isa = "avx2",
                     .threads = 2,
                     .f32_macs_per_s = 2e11,
                     .bf16_macs_per_s = 4e11,
                     .int8_macs_per_s = 8e11,
                     .read_bytes_per_s = 3e10};
  profile.whole.ms = {10, 11, 10.5};
  profile.parts_sum.ms = {9.9, 10.9, 10.4};
  profile.stages = {{.name = "load U-Net", .loads = true, .time = {{5, 5, 5}}},
                    {.name = "U-Net", .time = {{10, 11, 10.5}}}};
  profile.parts = {{.network = "unet",
                    .name = "down_blocks.0.<conv1>",
                    .op_class = "conv3x3",
                    .block = "down_blocks.0",
                    .arithmetic = engine::Precision::bf16,
                    .chain = 0,
                    .runs = 2,
                    .cost = {2000000000, 4000000, 1000000},
                    .weight_bytes = 500000,
                    .time = {{8, 9, 8.5}}},
                   {.network = "unet",
                    .name = "up_blocks.1.norm",
                    .op_class = "group_norm",
                    .block = "up_blocks.1",
                    .runs = 2,
                    .cost = {0, 500000, 500000},
                    .time = {{1.5, 1.5, 1.5}}},
                   {.network = "unet",
                    .name = "inputs",
                    .op_class = "copy",
                    .block = "(copy)",
                    .runs = 4,
                    .time = {{0.3, 0.3, 0.3}}},
                   {.network = "host: U-Net",
                    .name = "scheduler step",
                    .op_class = "host",
                    .block = "(host)",
                    .runs = 2,
                    .time = {{0.1, 0.1, 0.1}}}};
  profile.iterations = {{"step 1", {1000000000, 2, 1}, {0, 1000000000, 0}, {{5, 5.5, 5}}},
                        {"step 2", {1000000000, 2, 1}, {0, 1000000000, 0}, {{5, 5.5, 5.5}}}};
  profile.memory.programs = {{.program = "unet",
                              .weight_bytes = 1000000,
                              .arena_bytes = 300000,
                              .scratch_bytes = 1000,
                              .live_bytes = {100000, 300000},
                              .peak_step = 1,
                              .peak_name = "up_blocks.1.norm",
                              .alive = {{"down_blocks.0.<conv1>", 200000}, {"x", 100000}}}};
  profile.memory.resident = {{"start", 5000000}, {"end", 6000000}};
  profile.memory.forecast_peak_bytes = 7000000;
  profile.memory.measured_peak_bytes = 6500000;
  recording.timeline.labels = {"U-Net", "unet"};
  recording.timeline.threads = {{{0, 10000000, 0, -1, SpanKind::stage},
                                 {100, 9000000, 1, -1, SpanKind::run},
                                 {200, 300, 1, -1, SpanKind::copy},
                                 {300, 8000000, 1, 0, SpanKind::step},
                                 {8000000, 8900000, 1, 1, SpanKind::step}},
                                {{400, 7000000, 1, 0, SpanKind::part}}};
  return recording;
}

}  // namespace edgefusion::profile
