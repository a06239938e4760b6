#include "models/image_tower_config.h"

#include "core/json.h"
#include "models/config_rules.h"

namespace edgefusion::models {
namespace {

constexpr size_t kMostStages = 8;
constexpr int64_t kMostPixels = 1024;  // a side

void check_stages(ConfigReader& reader, const ImageTowerConfig& tower) {
  const size_t stages = tower.widths.size();
  if (stages < 1 || stages > kMostStages) {
    reader.complain("widths", "1 to " + std::to_string(kMostStages) + " entries",
                    std::to_string(stages));
    return;
  }
  if (tower.blocks.size() != stages) {
    reader.complain("blocks", "one per width (" + std::to_string(stages) + ")",
                    std::to_string(tower.blocks.size()));
  }
  // Each stage halves the sides once.
  const int64_t unit = int64_t{1} << stages;
  if (tower.image_size % unit != 0) {
    reader.complain("image_size", "a multiple of " + std::to_string(unit),
                    std::to_string(tower.image_size));
  }
  for (const int64_t width : tower.widths) {
    if (width % tower.norm_groups == 0) continue;
    reader.complain("widths", "multiples of norm_groups " + std::to_string(tower.norm_groups),
                    std::to_string(width));
  }
  if (tower.feature_width() % tower.pool_heads != 0) {
    reader.complain("pool_heads",
                    "a divisor of the last width " + std::to_string(tower.feature_width()),
                    std::to_string(tower.pool_heads));
  }
}

}  // namespace

Result<ImageTowerConfig> parse_image_tower_config(const nlohmann::json& config,
                                                  const std::string& origin) {
  ConfigReader reader(config, origin);
  ImageTowerConfig tower;
  tower.image_size = reader.integer("image_size", tower.image_size, {2, kMostPixels});
  tower.widths = reader.int_list("widths", tower.widths, {1, 4096});
  tower.blocks = reader.int_list("blocks", tower.blocks, {0, 64});
  tower.norm_groups = static_cast<int>(reader.integer("norm_groups", tower.norm_groups, {1, 4096}));
  tower.pool_heads = static_cast<int>(reader.integer("pool_heads", tower.pool_heads, {1, 1024}));
  tower.embedding_width = reader.integer("embedding_width", tower.embedding_width, {1, 8192});
  tower.text_width = reader.integer("text_width", tower.text_width, {1, 8192});
  tower.text_tokens = reader.integer("text_tokens", tower.text_tokens, {3, 4096});
  check_stages(reader, tower);
  accept(reader, {"_class_name"});
  EF_TRY_STATUS(finish_config(reader));
  return tower;
}

}  // namespace edgefusion::models
