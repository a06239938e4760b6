#include "quant/method_names.h"

#include <algorithm>
#include <array>

#include "core/nearest_name.h"

namespace edgefusion::quant {
namespace {

constexpr std::array<std::string_view, 10> kNames = {
    "outputs", "range",    "range_99_9", "range_99_99", "clip",
    "sources", "equalize", "hadamard",   "bias",        "feedback"};

QuantizationMethods no_methods() {
  return {.range = RangeMethod::min_max,
          .scale_per_output = false,
          .clip = ClipMethod::largest,
          .split_sources = false,
          .equalize = false,
          .hadamard = false,
          .correct_bias = false,
          .feedback = false};
}

void switch_on(std::string_view name, QuantizationMethods& methods) {
  if (name == "outputs") methods.scale_per_output = true;
  if (name == "range") methods.range = RangeMethod::least_error;
  if (name == "range_99_9") methods.range = RangeMethod::percentile_99_9;
  if (name == "range_99_99") methods.range = RangeMethod::percentile_99_99;
  if (name == "clip") methods.clip = ClipMethod::least_error;
  if (name == "sources") methods.split_sources = true;
  if (name == "equalize") methods.equalize = true;
  if (name == "hadamard") methods.hadamard = true;
  if (name == "bias") methods.correct_bias = true;
  if (name == "feedback") methods.feedback = true;
}

}  // namespace

std::span<const std::string_view> method_names() { return kNames; }

Result<QuantizationMethods> parse_methods(const std::vector<std::string>& names) {
  if (names == std::vector<std::string>{"all"}) return QuantizationMethods();
  QuantizationMethods methods = no_methods();
  if (names == std::vector<std::string>{"none"}) return methods;
  for (const std::string& name : names) {
    if (std::ranges::find(kNames, name) == kNames.end()) {
      std::string expected = "none, all";
      for (const std::string_view known : kNames) expected += ", " + std::string(known);
      const std::string_view nearest =
          nearest_name(name, std::vector<std::string_view>(kNames.begin(), kNames.end()));
      const std::string hint =
          nearest.empty() ? "" : ", did you mean \"" + std::string(nearest) + "\"?";
      return fail(ErrorCode::invalid_argument,
                  "method \"" + name + "\": expected of " + expected + hint);
    }
    switch_on(name, methods);
  }
  return methods;
}

std::vector<std::string> names_of(const QuantizationMethods& methods) {
  std::vector<std::string> names;
  for (const std::string_view name : kNames) {
    QuantizationMethods with = methods;
    switch_on(name, with);
    if (with == methods) names.emplace_back(name);  // it changes nothing: it is on
  }
  return names.empty() ? std::vector<std::string>{"none"} : names;
}

}  // namespace edgefusion::quant
