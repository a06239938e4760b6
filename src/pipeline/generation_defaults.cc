#include "pipeline/generation_defaults.h"

#include "core/json.h"
#include "diffusion/scheduler.h"

namespace edgefusion::pipeline {
namespace {

constexpr std::string_view kPlaceholder = "{prompt}";
constexpr int64_t kMostSteps = 1000, kMostSide = 32768, kMostTokens = 65536;

/// LCM models need few steps; those that embed the guidance scale were distilled for large ones,
/// the others had it distilled in, so that guiding again would overdo it.
void set_by_class(const formats::ModelFolder& folder, GenerationDefaults& defaults) {
  if (defaults.scheduler != "lcm") return;
  defaults.steps = 4;
  defaults.guidance_scale = folder.pipeline_class.starts_with("LatentConsistency") ? 8.5 : 1.0;
}

Status read_edgefusion_json(const formats::ModelFolder& folder, GenerationDefaults& defaults) {
  ConfigReader reader(folder.edgefusion, (folder.path / "edgefusion.json").string());
  const IntRange side = {8, kMostSide};
  defaults.steps =
      static_cast<int>(reader.integer("default_steps", defaults.steps, {1, kMostSteps}));
  defaults.guidance_scale = reader.number("default_cfg_scale", defaults.guidance_scale);
  const auto size = reader.int_list("default_size", {defaults.width, defaults.height}, side);
  if (size.size() == 2) {
    defaults.width = static_cast<int>(size[0]);
    defaults.height = static_cast<int>(size[1]);
  } else {
    reader.complain("default_size", "[width, height]", std::to_string(size.size()) + " numbers");
  }
  defaults.text_tokens = reader.optional_integer("text_max_length", {2, kMostTokens});
  defaults.zero_padding_states = reader.boolean("zero_padding_states", false);
  defaults.prompt_template = reader.string("prompt_template", kPlaceholder);
  if (defaults.prompt_template.find(kPlaceholder) == std::string::npos) {
    reader.complain("prompt_template", "text with {prompt} in it",
                    printable(defaults.prompt_template));
  }
  for (const char* note : {"licence", "name", "description"}) (void)reader.string(note, "");
  (void)reader.raw("quantization");  // read with the weights
  for (const std::string& key : reader.unread_keys()) {
    reader.complain(key, "a known key", "an unknown one");
  }
  return reader.status();
}

}  // namespace

std::string GenerationDefaults::apply_template(std::string_view prompt) const {
  const size_t place = prompt_template.find(kPlaceholder);
  if (place == std::string::npos) return std::string(prompt);
  std::string text = prompt_template;
  return text.replace(place, kPlaceholder.size(), prompt);
}

Result<GenerationDefaults> parse_generation_defaults(const formats::ModelFolder& folder,
                                                     std::optional<int64_t> native_size) {
  GenerationDefaults defaults;
  EF_TRY(defaults.scheduler, diffusion::scheduler_name_of_class(folder.scheduler_class));
  if (native_size) defaults.width = defaults.height = static_cast<int>(*native_size);
  set_by_class(folder, defaults);
  if (!folder.edgefusion.is_null()) EF_TRY_STATUS(read_edgefusion_json(folder, defaults));
  return defaults;
}

}  // namespace edgefusion::pipeline
