#include "profile/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "core/json.h"
#include "profile/rollup.h"

namespace edgefusion::profile {
namespace {

Change change_of(std::string kind, std::string name, const Samples* before, const Samples* after) {
  Change change = {.kind = std::move(kind), .name = std::move(name)};
  if (before != nullptr) change.old_ms = before->median();
  if (after != nullptr) change.new_ms = after->median();
  if (before == nullptr || after == nullptr) {
    change.verdict = before == nullptr ? Verdict::added : Verdict::removed;
    return change;
  }
  change.noise_ms = before->noise() + after->noise();
  change.verdict = verdict_of(*before, *after);
  return change;
}

/// Things with names, each with its times.
using Named = std::vector<std::pair<std::string, const Samples*>>;

/// Everything of `after` in its order, then what only `before` has. A name that comes again is
/// matched with the next one of that name.
std::vector<Change> changes(const std::string& kind, const Named& before, const Named& after) {
  std::multimap<std::string, const Samples*> left(before.begin(), before.end());
  std::vector<Change> result;
  for (const auto& [name, samples] : after) {
    const auto found = left.lower_bound(name);
    const bool matches = found != left.end() && found->first == name;
    result.push_back(change_of(kind, name, matches ? found->second : nullptr, samples));
    if (matches) left.erase(found);
  }
  for (const auto& [name, samples] : left) {
    result.push_back(change_of(kind, name, samples, nullptr));
  }
  return result;
}

Named named(const std::vector<Row>& rows) {
  Named result;
  for (const Row& row : rows) result.emplace_back(row.name, &row.time);
  return result;
}

Named named(const std::vector<Stage>& stages) {
  Named result;
  for (const Stage& stage : stages) result.emplace_back(stage.name, &stage.time);
  return result;
}

Named named(const std::vector<Part>& parts) {
  Named result;
  for (const Part& part : parts) result.emplace_back(part.network + "/" + part.name, &part.time);
  return result;
}

std::string rate(double macs_per_s) { return fmt::format("{:.0f} GMAC/s", macs_per_s / 1e9); }

std::vector<std::string> circumstances(const Profile& before, const Profile& after) {
  std::vector<std::string> lines;
  const auto add = [&](const char* what, const std::string& was, const std::string& is) {
    if (was != is) lines.push_back(fmt::format("{}: {}, was {}", what, is, printable(was)));
  };
  add("precision", before.subject.precision, after.subject.precision);
  add("scheduler", before.subject.scheduler, after.subject.scheduler);
  add("guidance scale", fmt::format("{}", before.subject.guidance_scale),
      fmt::format("{}", after.subject.guidance_scale));
  add("threads", std::to_string(before.machine.threads), std::to_string(after.machine.threads));
  add("instruction sets", before.machine.isa, after.machine.isa);
  // A machine that others use too is slower in everything; then its peak is as well.
  constexpr double kNotable = 0.05;
  const double was = before.machine.f32_macs_per_s, is = after.machine.f32_macs_per_s;
  if (std::fabs(is - was) > kNotable * was) {
    lines.push_back(fmt::format("the machine itself: f32 peak {}, was {}", rate(is), rate(was)));
  }
  return lines;
}

std::string size_text(const Subject& subject) {
  return fmt::format("{}x{}, {} steps", subject.width, subject.height, subject.steps);
}

void add_line(std::string& text, const Change& change) {
  const bool both = change.verdict != Verdict::added && change.verdict != Verdict::removed;
  const double percent =
      both && change.old_ms > 0 ? 100 * (change.new_ms - change.old_ms) / change.old_ms : 0;
  fmt::format_to(std::back_inserter(text), "{:<6} {:<56} {:>9.3f} {:>9.3f} {:>8} {:>8.3f}  {}\n",
                 change.kind, printable(change.name), change.old_ms, change.new_ms,
                 both ? fmt::format("{:+.1f}%", percent) : "", change.noise_ms,
                 to_string(change.verdict));
}

}  // namespace

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::same:
      return "within the noise";
    case Verdict::faster:
      return "faster";
    case Verdict::slower:
      return "slower";
    case Verdict::unknown:
      return "too few requests to tell";
    case Verdict::added:
      return "new";
    case Verdict::removed:
      return "gone";
  }
  return "?";
}

Verdict verdict_of(const Samples& before, const Samples& after) {
  if (before.ms.size() < kFewestRequests || after.ms.size() < kFewestRequests) {
    return Verdict::unknown;
  }
  constexpr double kClockMs = 1e-4;  // two looks at a clock differ by less
  const double difference = after.median() - before.median();
  const double least = after.min() - before.min();
  const double noise = before.noise() + after.noise() + kClockMs;
  if (difference < -noise && least < 0) return Verdict::faster;
  if (difference > noise && least > 0) return Verdict::slower;
  return Verdict::same;
}

Status check_subject(const Profile& before, const std::string& origin, const Subject& after) {
  const auto refuse = [&](const std::string& what, const std::string& found,
                          const std::string& expected) {
    return fail(ErrorCode::invalid_argument, origin + ": a profile of another " + what + ": " +
                                                 printable(found) + ", expected " + expected);
  };
  const Subject& old = before.subject;
  if (old.model != after.model) return refuse("model", old.model, after.model);
  if (size_text(old) != size_text(after)) {
    return refuse("size", size_text(old), size_text(after));
  }
  if (old.architecture != after.architecture) {
    return refuse("model", "architecture " + old.architecture,
                  after.architecture + " (" + after.model + " has changed)");
  }
  return {};
}

Result<Comparison> compare(const Profile& before, const std::string& origin, const Profile& after) {
  EF_TRY_STATUS(check_subject(before, origin, after.subject));
  Comparison result;
  result.whole = change_of("whole", "without loading", &before.whole, &after.whole);
  result.stages = changes("stage", named(before.stages), named(after.stages));
  const std::vector<Row> old_classes = by_class(before), new_classes = by_class(after);
  result.classes = changes("op", named(old_classes), named(new_classes));
  result.parts = changes("step", named(before.parts), named(after.parts));
  std::ranges::stable_sort(result.parts, std::greater(), [](const Change& change) {
    return std::fabs(change.new_ms - change.old_ms);
  });
  result.circumstances = circumstances(before, after);
  return result;
}

std::string comparison_table(const Comparison& comparison) {
  constexpr size_t kMostParts = 20;
  std::string text = "\n";
  for (const std::string& line : comparison.circumstances) text += line + "\n";
  fmt::format_to(std::back_inserter(text), "{:<63} {:>9} {:>9} {:>8} {:>8}\n", "compared, medians",
                 "old ms", "new ms", "", "noise");
  add_line(text, comparison.whole);
  for (const Change& change : comparison.stages) add_line(text, change);
  for (const Change& change : comparison.classes) add_line(text, change);
  size_t shown = 0, beyond = 0;
  for (const Change& change : comparison.parts) {
    if (change.verdict == Verdict::same || change.verdict == Verdict::unknown) continue;
    ++beyond;
    if (++shown <= kMostParts) add_line(text, change);
  }
  fmt::format_to(std::back_inserter(text), "{} of {} steps changed beyond the noise\n", beyond,
                 comparison.parts.size());
  return text;
}

}  // namespace edgefusion::profile
