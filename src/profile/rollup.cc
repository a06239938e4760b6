#include "profile/rollup.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace edgefusion::profile {
namespace {

void add(Row& row, const Row& part) {
  row.parts += part.parts;
  row.cost += part.cost;
  row.time += part.time;
  row.ideal_ms += part.ideal_ms;
}

/// Rows by what `name_of` gives of each part, (network, name), in the order in which they come.
std::vector<Row> grouped(
    const Profile& profile,
    const std::function<std::pair<std::string, std::string>(const Part&)>& name_of) {
  std::vector<Row> rows;
  for (const Part& part : profile.parts) {
    const auto [network, name] = name_of(part);
    auto found = std::ranges::find_if(
        rows, [&](const Row& row) { return row.name == name && row.network == network; });
    if (found == rows.end()) {
      rows.push_back({.name = name, .network = network});
      found = rows.end() - 1;
    }
    add(*found, row_of(part, profile.machine));
  }
  return rows;
}

void sort_by_time(std::vector<Row>& rows) {
  std::ranges::stable_sort(rows, std::greater(), [](const Row& row) { return row.time.median(); });
}

}  // namespace

Row row_of(const Part& part, const Machine& machine) {
  const double peak = machine.macs_per_s(part.arithmetic);
  return {.name = part.name,
          .network = part.network,
          .parts = 1,
          .cost = part.cost,
          .time = part.time,
          .ideal_ms = peak > 0 ? static_cast<double>(part.cost.macs) / peak * 1e3 : 0};
}

std::vector<Row> by_class(const Profile& profile) {
  auto rows =
      grouped(profile, [](const Part& part) { return std::pair(std::string(), part.op_class); });
  sort_by_time(rows);
  return rows;
}

std::vector<Row> by_block(const Profile& profile) {
  return grouped(profile, [](const Part& part) { return std::pair(part.network, part.block); });
}

std::vector<Row> by_network(const Profile& profile) {
  return grouped(profile, [](const Part& part) { return std::pair(part.network, std::string()); });
}

std::vector<Row> by_part(const Profile& profile) {
  std::vector<Row> rows;
  for (const Part& part : profile.parts) rows.push_back(row_of(part, profile.machine));
  sort_by_time(rows);
  return rows;
}

std::vector<Row> by_iteration(const Profile& profile) {
  std::vector<Row> rows;
  for (const Iteration& iteration : profile.iterations) {
    Row row = {.name = iteration.name, .cost = iteration.cost, .time = iteration.time};
    for (size_t i = 0; i < iteration.arithmetic_macs.size(); ++i) {
      const double peak = profile.machine.macs_per_s(static_cast<engine::Precision>(i));
      const auto macs = static_cast<double>(iteration.arithmetic_macs[i]);
      if (peak > 0) row.ideal_ms += macs / peak * 1e3;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

double peak_share(const Row& row) {
  const double ms = row.time.median();
  return ms > 0 ? row.ideal_ms / ms : 0;
}

double bandwidth_share(const Row& row, const Machine& machine) {
  const double could = row.time.median() * 1e-3 * machine.read_bytes_per_s;
  return could > 0 ? static_cast<double>(row.cost.bytes()) / could : 0;
}

}  // namespace edgefusion::profile
