#include <cmath>
#include <nlohmann/json.hpp>

#include "profile/profile_json.h"
#include "profile/rollup.h"

namespace edgefusion::profile {
namespace {

using Json = nlohmann::ordered_json;

/// Nanoseconds are as fine as the clock is.
Json to_json(const Samples& samples) {
  Json list = Json::array();
  for (const double ms : samples.ms) list.push_back(std::round(ms * 1e6) / 1e6);
  return list;
}

void put_cost(Json& object, const Cost& cost) {
  object["macs"] = cost.macs;
  object["read_bytes"] = cost.read_bytes;
  object["written_bytes"] = cost.written_bytes;
}

Json to_json(const Subject& subject) {
  return {{"model", subject.model},         {"architecture", subject.architecture},
          {"width", subject.width},         {"height", subject.height},
          {"steps", subject.steps},         {"precision", subject.precision},
          {"scheduler", subject.scheduler}, {"guidance_scale", subject.guidance_scale}};
}

Json to_json(const Machine& machine) {
  return {{"isa", machine.isa},
          {"threads", machine.threads},
          {"f32_macs_per_s", machine.f32_macs_per_s},
          {"bf16_macs_per_s", machine.bf16_macs_per_s},
          {"int8_macs_per_s", machine.int8_macs_per_s},
          {"read_bytes_per_s", machine.read_bytes_per_s}};
}

Json to_json(const Part& part) {
  Json object = {{"network", part.network},
                 {"name", part.name},
                 {"op", part.op_class},
                 {"block", part.block},
                 {"arithmetic", engine::to_string(part.arithmetic)}};
  if (part.chain >= 0) object["chain"] = part.chain;
  object["runs"] = part.runs;
  put_cost(object, part.cost);
  object["weight_bytes"] = part.weight_bytes;
  object["ms"] = to_json(part.time);
  return object;
}

Json to_json(const Iteration& iteration) {
  Json object = {{"name", iteration.name}};
  put_cost(object, iteration.cost);
  object["arithmetic_macs"] = iteration.arithmetic_macs;
  object["ms"] = to_json(iteration.time);
  return object;
}

Json to_json(const ProgramMemory& program) {
  Json alive = Json::array();
  for (const auto& value : program.alive) {
    alive.push_back({{"name", value.name}, {"bytes", value.bytes}});
  }
  return {{"program", program.program},         {"weight_bytes", program.weight_bytes},
          {"arena_bytes", program.arena_bytes}, {"scratch_bytes", program.scratch_bytes},
          {"live_bytes", program.live_bytes},   {"peak_step", program.peak_step},
          {"peak_name", program.peak_name},     {"alive", alive}};
}

Json to_json(const Memory& memory) {
  Json programs = Json::array(), resident = Json::array();
  for (const auto& program : memory.programs) programs.push_back(to_json(program));
  for (const auto& moment : memory.resident) {
    resident.push_back({{"when", moment.when}, {"bytes", moment.bytes}});
  }
  return {{"programs", programs},
          {"resident", resident},
          {"forecast_peak_bytes", memory.forecast_peak_bytes},
          {"measured_peak_bytes", memory.measured_peak_bytes}};
}

Json to_json(const std::vector<Row>& rows, const Machine& machine) {
  Json list = Json::array();
  for (const Row& row : rows) {
    Json object = Json::object();
    if (!row.network.empty()) object["network"] = row.network;
    if (!row.name.empty()) object["name"] = row.name;
    object["min_ms"] = row.time.min();
    object["median_ms"] = row.time.median();
    put_cost(object, row.cost);
    object["peak_share"] = peak_share(row);
    object["bandwidth_share"] = bandwidth_share(row, machine);
    object["macs_per_byte"] = row.cost.intensity();
    list.push_back(std::move(object));
  }
  return list;
}

}  // namespace

std::string profile_json(const Profile& profile) {
  Json json = {{"format", "edgefusion profile"}, {"version", 1}};
  json["subject"] = to_json(profile.subject);
  json["machine"] = to_json(profile.machine);
  json["whole"] = {{"min_ms", profile.whole.min()},
                   {"median_ms", profile.whole.median()},
                   {"ms", to_json(profile.whole)},
                   {"parts_ms", to_json(profile.parts_sum)}};
  Json stages = Json::array(), iterations = Json::array(), parts = Json::array();
  for (const Stage& stage : profile.stages) {
    stages.push_back({{"name", stage.name}, {"loads", stage.loads}, {"ms", to_json(stage.time)}});
  }
  for (const Iteration& iteration : profile.iterations) iterations.push_back(to_json(iteration));
  for (const Part& part : profile.parts) parts.push_back(to_json(part));
  json["stages"] = stages;
  json["iterations"] = iterations;
  json["memory"] = to_json(profile.memory);
  json["sums"] = {{"by_network", to_json(by_network(profile), profile.machine)},
                  {"by_iteration", to_json(by_iteration(profile), profile.machine)},
                  {"by_op", to_json(by_class(profile), profile.machine)},
                  {"by_block", to_json(by_block(profile), profile.machine)}};
  json["parts"] = parts;
  // Names come from files: what is no UTF-8 becomes U+FFFD.
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace edgefusion::profile
