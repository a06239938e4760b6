#include "train/train_image_text.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

#include "core/json.h"
#include "train/caption_table.h"
#include "train/checkpoint.h"
#include "train/contrastive_loss.h"
#include "train/device.h"
#include "train/image_text_network.h"
#include "train/memory_forecast.h"
#include "train/model_copy.h"
#include "train/picture_cache.h"
#include "train/random_view.h"
#include "train/run_folder.h"
#include "train/sample_order.h"
#include "train/step_cost.h"
#include "train/text_means.h"
#include "train/train_loop.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kTextParts = {"text_encoder", "tokenizer"};
constexpr const char *kConfig = "config.json", *kWeights = "model.safetensors",
                     *kClass = "ImageTextModel";

/// Pictures, their captions, and what the text encoder makes of these.
struct CaptionedData {
  PictureCache pictures;
  CaptionTable captions;
  at::Tensor text_vectors;  ///< [texts,T]

  at::Tensor vectors_of(std::span<const int64_t> texts) const {
    return text_vectors.index_select(
        0, at::tensor(at::IntArrayRef(texts.data(), texts.size()), at::kLong));
  }
};

/// Where the data of a run is, and who wants to hear of it.
struct Reader {
  const ImageTextConfig& config;
  const TextTeacher& text_model;
  const models::ImageTowerConfig& network;
  const TrainCallbacks& callbacks;

  Result<CaptionedData> read(const std::vector<fs::path>& shards) const {
    const ReadingSinks sinks = {callbacks.log, callbacks.reading, callbacks.cancel};
    EF_TRY(PictureCache pictures,
           PictureCache::open(
               {.shards = shards, .resolution = network.image_size, .where = config.where},
               config.cache, sinks));
    CaptionTable captions(pictures.count(), [&](int64_t i) -> const std::vector<std::string>& {
      return pictures.captions(i);
    });
    EF_TRY(at::Tensor vectors, text_means(text_model, captions.texts(), network.text_tokens,
                                          config.cache, callbacks.encoding, callbacks.cancel));
    return CaptionedData{std::move(pictures), std::move(captions), std::move(vectors)};
  }
};

class ImageTextTrainee final : public Trainee {
 public:
  ImageTextTrainee(const ImageTextConfig& config, const nlohmann::json& network_config,
                   ImageTextNetwork& network, const CaptionedData& data)
      : config_(config),
        network_config_(network_config),
        network_(network),
        data_(data),
        order_(data.pictures.count(), config.seed),
        extra_order_(data.pictures.count(), mixed_seed(config.seed, Purpose::order, 1)) {}

  Parameters first_parameters() const override {
    return network_.first_parameters(config_.seed, config_.temperature);
  }

  Result<Losses> losses(int64_t number, const Networks& networks) override {
    const int64_t first = number * config_.batch;
    const std::vector<int64_t> samples = order_.at(first, config_.batch);
    std::vector<int64_t> of_texts = samples;  // whose captions the texts are
    const std::vector<int64_t> extra =
        extra_order_.at(number * config_.extra_texts, config_.extra_texts);
    of_texts.insert(of_texts.end(), extra.begin(), extra.end());

    const Parameters& parameters = networks.parameters;
    const at::Device device = device_of(config_);
    const at::Tensor pictures =
        network_.embed_pictures(parameters, views(samples, first).to(device), config_.bf16);
    const at::Tensor vectors = data_.vectors_of(chosen_texts(of_texts, first)).to(device);
    const ContrastiveLoss loss = contrastive_loss(
        pictures, ImageTextNetwork::embed_texts(parameters, vectors),
        kinship(samples, of_texts).to(device), ImageTextNetwork::scale(parameters));
    return Losses{.total = loss.total, .critic = {}, .terms = {{"found", loss.found}}};
  }

  Status write_model(const fs::path& folder, const Parameters& average) const override {
    EF_TRY_STATUS(write_json(folder / kConfig, network_config_));
    EF_TRY_STATUS(average.save(folder / kWeights, DType::f32));
    return copy_parts(config_.text_model, kTextParts, folder);
  }

 private:
  at::Tensor views(std::span<const int64_t> samples, int64_t first) const {
    std::vector<uint64_t> seeds;
    for (size_t i = 0; i < samples.size(); ++i) {
      seeds.push_back(mixed_seed(config_.seed, Purpose::noise, static_cast<uint64_t>(first) + i));
    }
    return random_views(data_.pictures.pictures(samples), seeds, {config_.zoom, config_.shift});
  }

  /// One caption of each of these pictures.
  std::vector<int64_t> chosen_texts(std::span<const int64_t> pictures, int64_t first) const {
    // Extra texts follow those of the batch; a seed of its own for each batch keeps them apart.
    const uint64_t own = mixed_seed(config_.seed, Purpose::choice, static_cast<uint64_t>(first));
    std::vector<int64_t> texts;
    for (size_t i = 0; i < pictures.size(); ++i) {
      const auto captions = data_.captions.of(pictures[i]);
      texts.push_back(captions[mixed_seed(own, Purpose::choice, i) % captions.size()]);
    }
    return texts;
  }

  at::Tensor kinship(std::span<const int64_t> rows, std::span<const int64_t> columns) const {
    std::vector<uint8_t> kin = data_.captions.kinship(rows, columns);
    return at::from_blob(kin.data(),
                         {static_cast<int64_t>(rows.size()), static_cast<int64_t>(columns.size())},
                         at::kByte)
        .to(at::kBool);
  }

  const ImageTextConfig& config_;
  const nlohmann::json& network_config_;
  ImageTextNetwork& network_;
  const CaptionedData& data_;
  SampleOrder order_, extra_order_;
};

/// Share of rows whose own column is among the k largest; a tie counts against it.
double recall(const at::Tensor& similarity, int64_t k) {
  const at::Tensor own = similarity.diagonal().unsqueeze(1);
  return similarity.ge(own).sum(1).le(k).to(at::kDouble).mean().item<double>();
}

RetrievalReport retrieval(const ImageTextConfig& config, const Parameters& parameters,
                          ImageTextNetwork& network, const CaptionedData& data) {
  std::vector<int64_t> all =
      SampleOrder(data.pictures.count(), config.seed).at(0, data.pictures.count());
  const std::vector<int64_t> chosen = data.captions.unrelated(all, config.report_captions);
  std::vector<int64_t> main_texts;
  for (const int64_t picture : chosen) main_texts.push_back(data.captions.of(picture).front());
  std::vector<at::Tensor> parts;
  const auto batch = static_cast<size_t>(config.batch);
  for (size_t begin = 0; begin < chosen.size(); begin += batch) {
    const auto some = std::span(chosen).subspan(begin, std::min(batch, chosen.size() - begin));
    parts.push_back(network.embed_pictures(parameters, data.pictures.pictures(some), false));
  }
  const at::Tensor texts = ImageTextNetwork::embed_texts(parameters, data.vectors_of(main_texts));
  const at::Tensor similarity = at::cat(parts).mm(texts.t());
  return {.pictures = static_cast<int64_t>(chosen.size()),
          .text_of_picture_at_1 = recall(similarity, 1),
          .text_of_picture_at_5 = recall(similarity, 5),
          .picture_of_text_at_1 = recall(similarity.t(), 1),
          .picture_of_text_at_5 = recall(similarity.t(), 5)};
}

Result<ImageTextReport> report_on(const Reader& reader, ImageTextNetwork& network,
                                  const CaptionedData& data) {
  const ImageTextConfig& config = reader.config;
  const at::NoGradGuard no_grad;
  EF_TRY(const Parameters loaded, network.load(*newest_checkpoint(config.out)));
  const Parameters parameters = loaded.frozen();
  ImageTextReport report = {
      .parameters = parameters.count(),
      .temperature = 1.0 / ImageTextNetwork::scale(parameters).item<double>()};
  report.train = retrieval(config, parameters, network, data);
  if (!config.val_shards.empty()) {
    EF_TRY(const CaptionedData val, reader.read(config.val_shards));
    report.val = retrieval(config, parameters, network, val);
  }
  return report;
}

/// The network's config, written out in full, with the width of the text model's vectors. Errors:
/// those of the config; invalid_argument where it does not fit the text model.
Result<nlohmann::json> network_config(const ImageTextConfig& config, const TextTeacher& text) {
  nlohmann::json network = config.network;
  if (network["_class_name"] != kClass) {
    return fail(ErrorCode::unsupported, std::string("network: _class_name: expected \"") + kClass +
                                            "\", found " + describe(network["_class_name"]));
  }
  const nlohmann::json width = text.bert.width;
  if (network.contains("text_width") && network["text_width"] != width) {
    return fail(ErrorCode::invalid_argument,
                "network: text_width: " + describe(network["text_width"]) +
                    ", expected the text model's " + width.dump());
  }
  network["text_width"] = width;
  EF_TRY(const auto parsed, models::parse_image_tower_config(network, "network"));
  if (parsed.text_tokens > text.bert.max_tokens) {
    return fail(ErrorCode::invalid_argument,
                "network: text_tokens: " + std::to_string(parsed.text_tokens) +
                    ", expected at most the text model's " + std::to_string(text.bert.max_tokens));
  }
  network.update({{"image_size", parsed.image_size},
                  {"widths", parsed.widths},
                  {"blocks", parsed.blocks},
                  {"norm_groups", parsed.norm_groups},
                  {"pool_heads", parsed.pool_heads},
                  {"embedding_width", parsed.embedding_width},
                  {"text_tokens", parsed.text_tokens}});
  return network;
}

/// What would stop a run later: its step, or the report at its end.
Status check_run(const ImageTextConfig& config, const ImageTextNetwork& network) {
  const int64_t least =
      least_step_bytes(network.tower(config.batch), config, /*checkpointing=*/false);
  EF_TRY_STATUS(
      check_step_bytes(least, config, R"(a smaller "batch", or fewer pixels ("image_size"))"));
  EF_TRY_STATUS(check_shards(config.shards));
  return check_shards(config.val_shards);
}

}  // namespace

Result<ImageTextPlan> plan_image_text(const ImageTextConfig& config) {
  EF_TRY(const TextTeacher text, open_text_teacher(config.text_model));
  EF_TRY(const nlohmann::json json, network_config(config, text));
  EF_TRY(auto network, ImageTextNetwork::make(json, "network", config.batch));
  EF_TRY_STATUS(check_run(config, network));
  const int64_t size = network.config().image_size, columns = config.batch + config.extra_texts;
  const at::Device device = device_of(config);
  const at::Tensor pictures = at::randn({config.batch, size, size, 3}).clamp_(-1, 1).to(device);
  const at::Tensor vectors = at::randn({columns, text.bert.width}).to(device);
  const at::Tensor kin = at::eye(config.batch, columns).to(device, at::kBool);
  const auto losses = [&](const Networks& networks) {
    const ContrastiveLoss loss =
        contrastive_loss(network.embed_pictures(networks.parameters, pictures, config.bf16),
                         ImageTextNetwork::embed_texts(networks.parameters, vectors), kin,
                         ImageTextNetwork::scale(networks.parameters));
    return Losses{.total = loss.total, .critic = {}, .terms = {}};
  };
  const Parameters first = network.first_parameters(0, config.temperature);
  return ImageTextPlan{.parameters = first.count(),
                       .macs_per_picture = network.macs_per_picture(),
                       .step = measured_step(config, {first, std::nullopt, losses})};
}

Result<ImageTextReport> train_image_text(const ImageTextConfig& config, bool resume,
                                         Processes& processes,
                                         const TrainCallbacks& all_callbacks) {
  const TrainCallbacks callbacks = callbacks_of(processes, all_callbacks);
  EF_TRY(const TextTeacher text, open_text_teacher(config.text_model));
  EF_TRY(const nlohmann::json json, network_config(config, text));
  EF_TRY(ImageTextNetwork network, ImageTextNetwork::make(json, "network", config.batch));
  EF_TRY_STATUS(check_run(config, network));
  const Reader reader = {config, text, network.config(), callbacks};
  std::optional<CaptionedData> data;
  const auto prepare = [&]() -> Status {
    if (processes.first()) EF_TRY_STATUS(prepare_out(config, resume));
    EF_TRY(data, reader.read(config.shards));
    return {};
  };
  EF_TRY_STATUS(processes.first_before_others(prepare, Processes::kVeryLong));
  ImageTextTrainee trainee(config, json, network, *data);
  EF_TRY_STATUS(run_training(config, trainee, resume, processes, callbacks));
  if (!processes.first()) return ImageTextReport{};
  EF_TRY(const ImageTextReport report, report_on(reader, network, *data));
  EF_TRY_STATUS(write_json(config.out / "report.json", report.to_json()));
  return report;
}

}  // namespace edgefusion::train
