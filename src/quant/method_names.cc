#include "quant/method_names.h"

#include <algorithm>
#include <array>

#include "core/nearest_name.h"

namespace edgefusion::quant {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"outputs",  "range",    "clip", "sources",
                                                    "equalize", "hadamard", "bias", "feedback"};

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

}  // namespace edgefusion::quant
