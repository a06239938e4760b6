#include "train/image_text_config.h"

#include "core/config_fields.h"

namespace edgefusion::train {

Result<ImageTextConfig> ImageTextConfig::parse(const nlohmann::json& json,
                                               const std::filesystem::path& file) {
  ConfigFields fields(json, file);
  ConfigReader& reader = fields.reader;
  ImageTextConfig config;
  config.batch = 128;
  config.network = {{"_class_name", "ImageTextModel"}};
  config.text_model = fields.path("text_model");
  const nlohmann::json& network = reader.raw("network");
  if (network.is_object()) {
    config.network.update(network);
  } else if (!network.is_null()) {
    reader.complain("network", "an object", describe(network));
  }
  config.shards = fields.paths("shards");
  config.where = shards::read_sample_filter(fields);
  config.val_shards = fields.optional_paths("val_shards");
  config.report_captions = reader.integer("report_captions", config.report_captions, {2, 10000});
  config.zoom = fields.number("zoom", config.zoom, 0, 0.9);
  config.shift = fields.number("shift", config.shift, 0, 0.5);
  config.temperature = fields.number("temperature", config.temperature, 0.01, 10);
  config.extra_texts = reader.integer("extra_texts", config.extra_texts, {0, 65536});
  read_run_fields(fields, config);
  // A picture that has nothing to be told from teaches nothing.
  if (config.batch < 2) reader.complain("batch", "at least 2", std::to_string(config.batch));
  EF_TRY_STATUS(fields.finish());
  return config;
}

}  // namespace edgefusion::train
