#include <algorithm>

#include "core/config_fields.h"
#include "core/json.h"
#include "formats/json_file.h"
#include "profile/profile_json.h"

namespace edgefusion::profile {
namespace {

using nlohmann::json;

constexpr IntRange kCount = {.min = 0};
constexpr double kMostMs = 1e12, kMostRate = 1e24;
constexpr int64_t kMostSteps = 100000, kMostPixels = 65536;
constexpr size_t kMostSamples = 100000;

/// A finite number from 0 on.
double amount(ConfigReader& reader, const char* key, double most) {
  const double value = reader.number(key);
  if (value >= 0 && value <= most) return value;
  reader.complain(key, "number from 0 to " + std::to_string(static_cast<int64_t>(most)),
                  std::to_string(value));
  return 0;
}

Samples read_samples(ConfigReader& reader, const char* key) {
  Samples samples;
  if (!reader.has(key)) {
    reader.complain(key, "list of times", "nothing");
    return samples;
  }
  samples.ms = reader.number_list(key, {});
  if (samples.ms.empty() || samples.ms.size() > kMostSamples) {
    reader.complain(key, "at least one time", std::to_string(samples.ms.size()));
  }
  for (const double ms : samples.ms) {
    if (ms >= 0 && ms <= kMostMs) continue;
    reader.complain(key, "times from 0 on", std::to_string(ms));
    break;
  }
  return samples;
}

Cost read_cost(ConfigReader& reader) {
  return {.macs = reader.integer("macs", kCount),
          .read_bytes = reader.integer("read_bytes", kCount),
          .written_bytes = reader.integer("written_bytes", kCount)};
}

/// The first object that something is wrong with ends the list: a file of another kind would
/// otherwise say the same of each.
template <typename T>
std::vector<T> read_list(ConfigReader& reader, const char* key, T (*read)(ConfigReader&)) {
  std::vector<T> items;
  const size_t complaints = reader.complaints().size();
  for (ConfigReader& item : reader.objects(key)) {
    if (reader.complaints().size() != complaints) break;
    items.push_back(read(item));
    ConfigFields::complain_about_strangers(item);
  }
  return items;
}

Subject read_subject(ConfigReader& reader) {
  Subject subject = {.model = reader.string("model"),
                     .architecture = reader.string("architecture"),
                     .width = static_cast<int>(reader.integer("width", {1, kMostPixels})),
                     .height = static_cast<int>(reader.integer("height", {1, kMostPixels})),
                     .steps = static_cast<int>(reader.integer("steps", {1, kMostSteps})),
                     .precision = reader.string("precision"),
                     .scheduler = reader.string("scheduler"),
                     .guidance_scale = reader.number("guidance_scale")};
  ConfigFields::complain_about_strangers(reader);
  return subject;
}

Machine read_machine(ConfigReader& reader) {
  Machine machine = {.isa = reader.string("isa"),
                     .threads = static_cast<int>(reader.integer("threads", {1, 65536})),
                     .f32_macs_per_s = amount(reader, "f32_macs_per_s", kMostRate),
                     .bf16_macs_per_s = amount(reader, "bf16_macs_per_s", kMostRate),
                     .int8_macs_per_s = amount(reader, "int8_macs_per_s", kMostRate),
                     .read_bytes_per_s = amount(reader, "read_bytes_per_s", kMostRate)};
  ConfigFields::complain_about_strangers(reader);
  return machine;
}

Stage read_stage(ConfigReader& reader) {
  return {.name = reader.string("name"),
          .loads = reader.boolean("loads"),
          .time = read_samples(reader, "ms")};
}

engine::Precision read_arithmetic(ConfigReader& reader) {
  const std::string name = reader.string("arithmetic");
  for (const auto precision :
       {engine::Precision::f32, engine::Precision::bf16, engine::Precision::int8}) {
    if (engine::to_string(precision) == name) return precision;
  }
  reader.complain("arithmetic", "f32, bf16 or int8", "string \"" + printable(name) + "\"");
  return engine::Precision::f32;
}

Part read_part(ConfigReader& reader) {
  return {.network = reader.string("network"),
          .name = reader.string("name"),
          .op_class = reader.string("op"),
          .block = reader.string("block"),
          .arithmetic = read_arithmetic(reader),
          .chain = static_cast<int>(reader.integer("chain", -1, {-1, 1 << 20})),
          .runs = static_cast<int>(reader.integer("runs", {0, 1 << 30})),
          .cost = read_cost(reader),
          .weight_bytes = reader.integer("weight_bytes", kCount),
          .time = read_samples(reader, "ms")};
}

Iteration read_iteration(ConfigReader& reader) {
  Iteration iteration = {.name = reader.string("name"), .cost = read_cost(reader)};
  const std::vector<int64_t> macs = reader.int_list("arithmetic_macs", kCount);
  if (macs.size() == iteration.arithmetic_macs.size()) {
    std::copy(macs.begin(), macs.end(), iteration.arithmetic_macs.begin());
  } else {
    reader.complain("arithmetic_macs", "3 integers", std::to_string(macs.size()));
  }
  iteration.time = read_samples(reader, "ms");
  return iteration;
}

ProgramMemory::Alive read_alive(ConfigReader& reader) {
  return {.name = reader.string("name"), .bytes = reader.integer("bytes", kCount)};
}

ProgramMemory read_program(ConfigReader& reader) {
  ProgramMemory program = {.program = reader.string("program"),
                           .weight_bytes = reader.integer("weight_bytes", kCount),
                           .arena_bytes = reader.integer("arena_bytes", kCount),
                           .scratch_bytes = reader.integer("scratch_bytes", kCount),
                           .live_bytes = reader.int_list("live_bytes", kCount)};
  const auto last = std::max<int64_t>(static_cast<int64_t>(program.live_bytes.size()) - 1, 0);
  program.peak_step = static_cast<int>(reader.integer("peak_step", {0, last}));
  program.peak_name = reader.string("peak_name");
  program.alive = read_list(reader, "alive", read_alive);
  return program;
}

ResidentBytes read_resident(ConfigReader& reader) {
  return {.when = reader.string("when"), .bytes = reader.integer("bytes", kCount)};
}

Memory read_memory(ConfigReader& reader) {
  Memory memory = {.programs = read_list(reader, "programs", read_program),
                   .resident = read_list(reader, "resident", read_resident),
                   .forecast_peak_bytes = reader.integer("forecast_peak_bytes", kCount),
                   .measured_peak_bytes = reader.integer("measured_peak_bytes", kCount)};
  ConfigFields::complain_about_strangers(reader);
  return memory;
}

void read_whole(ConfigReader& reader, Profile& profile) {
  reader.number("min_ms");
  reader.number("median_ms");
  profile.whole = read_samples(reader, "ms");
  profile.parts_sum = read_samples(reader, "parts_ms");
  ConfigFields::complain_about_strangers(reader);
}

/// Every thing was timed as often as the whole.
void check_samples(ConfigReader& reader, const Profile& profile) {
  const size_t expected = profile.whole.ms.size();
  const auto check = [&](const char* list, const Samples& samples) {
    if (samples.ms.size() == expected) return;
    reader.complain(list, std::to_string(expected) + " times each, as of the whole",
                    std::to_string(samples.ms.size()));
  };
  check("whole", profile.parts_sum);
  for (const Stage& stage : profile.stages) check("stages", stage.time);
  for (const Iteration& iteration : profile.iterations) check("iterations", iteration.time);
  for (const Part& part : profile.parts) check("parts", part.time);
}

Result<Profile> read_profile(const json& written, const std::string& origin) {
  ConfigReader reader(written, origin);
  if (reader.string("format", "") != "edgefusion profile") {
    return fail(ErrorCode::bad_file, origin + ": format: expected \"edgefusion profile\", found " +
                                         (reader.has("format") ? describe(reader.raw("format"))
                                                               : std::string("nothing")));
  }
  reader.integer("version", {1, 1});
  Profile profile;
  ConfigReader subject = reader.object("subject"), machine = reader.object("machine"),
               whole = reader.object("whole"), memory = reader.object("memory");
  profile.subject = read_subject(subject);
  profile.machine = read_machine(machine);
  read_whole(whole, profile);
  profile.stages = read_list(reader, "stages", read_stage);
  profile.iterations = read_list(reader, "iterations", read_iteration);
  profile.memory = read_memory(memory);
  profile.parts = read_list(reader, "parts", read_part);
  if (!reader.raw("sums").is_object()) reader.complain("sums", "object", "something else");
  ConfigFields::complain_about_strangers(reader);
  EF_TRY_STATUS(reader.status());
  check_samples(reader, profile);
  EF_TRY_STATUS(reader.status());
  return profile;
}

}  // namespace

Result<Profile> parse_profile(std::string_view text, const std::string& origin) {
  EF_TRY(const json written, parse_json(text, origin));
  return read_profile(written, origin);
}

Result<Profile> load_profile(const std::filesystem::path& file) {
  EF_TRY(const json written, formats::read_json_file(file));
  return read_profile(written, file.string());
}

}  // namespace edgefusion::profile
