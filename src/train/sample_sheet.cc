#include "train/sample_sheet.h"

#include <ATen/Parallel.h>

#include <utility>

#include "core/runtime.h"
#include "drawing/contact_sheet.h"
#include "pipeline/text_to_image.h"

namespace edgefusion::train {

Result<formats::Image> paint_sample_sheet(const std::filesystem::path& folder,
                                          const SheetConfig& config, int64_t pixels) {
  EF_TRY(const auto model, pipeline::Model::open(folder));
  EF_TRY(const Runtime runtime,
         Runtime::make(at::get_num_threads(), "", [](LogLevel, std::string_view) {}));
  pipeline::TextToImage painter(model, runtime);
  std::vector<drawing::ContactSheetCell> cells;
  for (const std::string& prompt : config.prompts) {
    pipeline::GenerationRequest request;
    request.prompt = prompt;
    request.seed = cells.size();
    request.width = request.height = static_cast<int>(pixels);
    if (config.steps > 0) request.steps = static_cast<int>(config.steps);
    if (config.guidance_scale > 0) request.guidance_scale = config.guidance_scale;
    EF_TRY(pipeline::GenerationResult painted, painter.generate(request));
    cells.push_back({std::move(painted.images.front()), prompt});
  }
  return drawing::contact_sheet(cells, {.columns = 6});
}

}  // namespace edgefusion::train
