#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/eval_tasks.h"

namespace edgefusion::cli {
namespace {

constexpr auto kTasks = std::to_array<Command>({
    {"steps", "figures of a model at several numbers of steps", declare_eval_steps},
    {"sheet", "pictures of a model at several numbers of steps, side by side", declare_eval_sheet},
    {"agreement", "how near a model's pictures are to those of another one, or of f32",
     declare_eval_agreement},
    {"clip", "how well pictures fit their captions", declare_eval_clip},
    {"fid", "distance between two sets of pictures", declare_eval_fid},
    {"is", "how sure and how varied pictures are", declare_eval_is},
});

}  // namespace

Action declare_eval(CLI::App& app) {
  auto tasks = std::make_shared<std::vector<std::pair<CLI::App*, Action>>>();
  for (const Command& task : kTasks) {
    CLI::App* declared = app.add_subcommand(task.name, task.summary);
    tasks->emplace_back(declared, task.declare(*declared));
    declared->fallthrough();  // to the options that every command has
  }
  app.require_subcommand(1);
  app.footer(
      "Example: edgefusion eval steps --scorer scorer --prompts prompts.txt --sheet sheet.png");
  return [tasks](const CommonOptions& common) -> Status {
    for (const auto& [declared, action] : *tasks) {
      if (declared->parsed()) return action(common);
    }
    EF_CHECK(false, "one of them was asked for");
    return {};
  };
}

}  // namespace edgefusion::cli
