#include "profile/profile_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "profile/rollup.h"

namespace edgefusion::profile {
namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr double kMega = 1e6, kGiga = 1e9;

std::string full_name(const Row& row) {
  if (row.name.empty() || row.network.empty()) return row.name + row.network;
  return row.network + "/" + row.name;
}

/// A long name keeps its end, which tells more.
std::string cut(const std::string& name, size_t width) {
  return name.size() <= width ? name : "..." + name.substr(name.size() - (width - 3));
}

void add_head(Out out, const std::string& title) {
  fmt::format_to(out, "\n{:<52} {:>9} {:>9} {:>6} {:>8} {:>8} {:>6} {:>6} {:>7}\n", title, "min ms",
                 "median", "share", "GMAC", "MB", "peak", "memory", "MAC/B");
}

void add_rows(Out out, const Profile& profile, std::span<const Row> rows) {
  for (const Row& row : rows) {
    fmt::format_to(out,
                   "{:<52} {:>9.3f} {:>9.3f} {:>5.1f}% {:>8.3f} {:>8.2f} {:>5.0f}% {:>5.0f}% "
                   "{:>7.1f}\n",
                   cut(full_name(row), 52), row.time.min(), row.time.median(),
                   100 * row.time.median() / std::max(profile.whole.median(), 1e-9),
                   static_cast<double>(row.cost.macs) / kGiga,
                   static_cast<double>(row.cost.bytes()) / kMega, 100 * peak_share(row),
                   100 * bandwidth_share(row, profile.machine), row.cost.intensity());
  }
}

void add_machine(Out out, const Profile& profile) {
  const Subject& subject = profile.subject;
  const Machine& machine = profile.machine;
  fmt::format_to(out, "{}, {}x{}, {} steps, {}, {}\n", subject.model, subject.width, subject.height,
                 subject.steps, subject.precision, subject.scheduler);
  fmt::format_to(out, "{} threads, {}\n", machine.threads, machine.isa);
  fmt::format_to(out,
                 "measured just before: f32 {:.0f}, bf16 {:.0f}, int8 {:.0f} GMAC/s; memory {:.1f} "
                 "GB/s\n",
                 machine.f32_macs_per_s / kGiga, machine.bf16_macs_per_s / kGiga,
                 machine.int8_macs_per_s / kGiga, machine.read_bytes_per_s / kGiga);
}

void add_stages(Out out, const Profile& profile) {
  fmt::format_to(out, "\n{:<52} {:>9} {:>9} {:>6}\n", "stages", "min ms", "median", "share");
  const double whole = std::max(profile.whole.median(), 1e-9);
  for (const Stage& stage : profile.stages) {
    const std::string share =
        stage.loads ? "" : fmt::format("{:.1f}%", 100 * stage.time.median() / whole);
    fmt::format_to(out, "{:<52} {:>9.3f} {:>9.3f} {:>6}\n", stage.name, stage.time.min(),
                   stage.time.median(), share);
  }
  fmt::format_to(out, "{:<52} {:>9.3f} {:>9.3f}   of {} requests\n", "whole, without loading",
                 profile.whole.min(), profile.whole.median(), profile.whole.ms.size());
  fmt::format_to(out, "{:<52} {:>9.3f} {:>9.3f} {:>5.1f}%\n", "all parts together",
                 profile.parts_sum.min(), profile.parts_sum.median(),
                 100 * profile.parts_sum.median() / whole);
}

void add_memory(Out out, const Memory& memory) {
  fmt::format_to(out, "\n{:<20} {:>10} {:>10} {:>10} {:>10}  {}\n", "memory, MB", "weights",
                 "arena", "alive", "scratch", "most is alive at, and what");
  for (const ProgramMemory& program : memory.programs) {
    const auto mb = [](int64_t bytes) { return static_cast<double>(bytes) / kMega; };
    const int64_t most =
        program.live_bytes.empty() ? 0 : program.live_bytes[static_cast<size_t>(program.peak_step)];
    std::string alive;
    for (size_t i = 0; i < std::min<size_t>(program.alive.size(), 3); ++i) {
      alive += fmt::format("{}{} {:.2f}", i == 0 ? ": " : ", ", program.alive[i].name,
                           mb(program.alive[i].bytes));
    }
    if (program.alive.size() > 3) alive += fmt::format(" and {} more", program.alive.size() - 3);
    fmt::format_to(out, "{:<20} {:>10.2f} {:>10.2f} {:>10.2f} {:>10.2f}  {}{}\n", program.program,
                   mb(program.weight_bytes), mb(program.arena_bytes), mb(most),
                   mb(program.scratch_bytes), program.peak_name, alive);
  }
  fmt::format_to(out, "of the process: forecast {:.1f} MB, measured {:.1f} MB\n",
                 static_cast<double>(memory.forecast_peak_bytes) / kMega,
                 static_cast<double>(memory.measured_peak_bytes) / kMega);
}

}  // namespace

std::string profile_table(const Profile& profile, int slowest) {
  std::string text;
  const Out out(text);
  add_machine(out, profile);
  add_stages(out, profile);
  add_head(out, "networks");
  add_rows(out, profile, by_network(profile));
  add_head(out, "denoising steps");
  add_rows(out, profile, by_iteration(profile));
  add_head(out, "ops");
  add_rows(out, profile, by_class(profile));
  add_head(out, "blocks");
  std::vector<Row> blocks = by_block(profile);
  std::erase_if(blocks,
                [&](const Row& row) { return row.time.median() < 0.005 * profile.whole.median(); });
  add_rows(out, profile, blocks);
  const std::vector<Row> parts = by_part(profile);
  const auto most = std::min(parts.size(), static_cast<size_t>(slowest));
  add_head(out, "slowest steps");
  add_rows(out, profile, std::span(parts).first(most));
  add_memory(out, profile.memory);
  return text;
}

}  // namespace edgefusion::profile
