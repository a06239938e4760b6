#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "kernels/registry.h"

namespace edgefusion::cli {
namespace {

void print_table(const Runtime& runtime, const std::vector<kernels::KernelInfo>& all) {
  fmt::print("CPU       {}\n", cpu_model_name());
  fmt::print("threads   {}\n", runtime.pool->threads());
  fmt::print("present   {}\n", detect_isa().to_string());
  fmt::print("used      {}\n\n", runtime.isa.to_string());
  fmt::print("{:<12} {:<26} {:<34} {:<14} {}\n", "family", "types", "kernel", "needs", "here");
  for (const auto& kernel : all) {
    const char* state = kernel.chosen ? "chosen" : kernel.usable ? "usable" : "-";
    fmt::print("{:<12} {:<26} {:<34} {:<14} {}\n", kernel.family, kernel.variant, kernel.name,
               kernel.needs.to_string(), state);
  }
}

void print_json(const Runtime& runtime, const std::vector<kernels::KernelInfo>& all) {
  nlohmann::json json = {{"cpu", cpu_model_name()},
                         {"threads", runtime.pool->threads()},
                         {"present", detect_isa().to_string()},
                         {"used", runtime.isa.to_string()}};
  for (const auto& kernel : all) {
    json["kernels"].push_back({{"family", kernel.family},
                               {"types", kernel.variant},
                               {"name", kernel.name},
                               {"needs", kernel.needs.to_string()},
                               {"usable", kernel.usable},
                               {"chosen", kernel.chosen}});
  }
  fmt::print("{}\n", json.dump(1));
}

}  // namespace

Action declare_kernels(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "Print JSON");
  app.footer("Example: EDGEFUSION_ISA=avx2 edgefusion kernels");
  return [json](const CommonOptions& common) -> Status {
    EF_TRY(const Runtime runtime, make_runtime(common));
    const auto all = kernels::list_kernels(runtime.isa);
    if (*json) {
      print_json(runtime, all);
    } else {
      print_table(runtime, all);
    }
    return {};
  };
}

}  // namespace edgefusion::cli
