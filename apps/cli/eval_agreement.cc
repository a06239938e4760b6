#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/cache_folder.h"
#include "cli/default_model.h"
#include "cli/eval_table.h"
#include "cli/eval_tasks.h"
#include "cli/interrupt.h"
#include "cli/progress_bar.h"
#include "eval/frechet_distance.h"
#include "eval/image_text_model.h"
#include "eval/paint_prompts.h"
#include "eval/picture_features.h"
#include "eval/scores.h"
#include "eval/text_lines.h"
#include "pipeline/model_quantization.h"
#include "quant/quality.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;
using Pictures = std::vector<formats::Image>;

struct Options {
  std::string model, against, prompts, scorer;
  std::string precision = "auto", against_precision = "f32";
  std::vector<int> steps = {2};
  size_t limit = 200;
  eval::PaintOptions paint;
  bool json = false;
};

/// How two models agree at one number of steps.
struct Agreement {
  int steps = 0;
  double ms = 0, against_ms = 0;  ///< of a picture
  double psnr_db = 0;             ///< of all pixels together; infinity: all are equal
  double worst_psnr_db = 0;       ///< of the picture that differs most
  double ssim = 0;
  std::optional<double> clip_score, against_clip_score, frechet_distance;
};

/// A model that paints the prompts in one precision.
class Painter {
 public:
  static Result<std::unique_ptr<Painter>> open(const std::string& path,
                                               const std::string& precision,
                                               const Options& options, const Runtime& runtime) {
    auto painter = std::make_unique<Painter>();
    painter->options_ = options.paint;
    EF_TRY(auto model, pipeline::Model::open(model_or_default(path)));
    EF_TRY(painter->options_.precision,
           pipeline::choose_precision(precision, model->folder(), runtime.isa));
    if (const auto place = cache_folder(path)) {
      painter->cache_.emplace(pipeline::PackedCacheOptions{.folder = *place}, runtime);
    }
    painter->painter_.emplace(std::move(model), runtime,
                              painter->cache_ ? &*painter->cache_ : nullptr);
    painter->options_.cancel = &interrupt_flag();
    return painter;
  }

  /// Pictures of all prompts, and the time of one.
  Result<std::pair<Pictures, double>> paint(std::span<const std::string> prompts, int steps) {
    ProgressBar bar;
    eval::PaintOptions options = options_;
    options.steps = steps;
    options.progress = [&](size_t done, size_t total) {
      bar.update(fmt::format("{} steps", steps), done, total);
    };
    Pictures pictures;
    EF_TRY(const auto report, eval::paint_prompts(*painter_, prompts, options,
                                                  [&](formats::Image picture) -> Status {
                                                    pictures.push_back(std::move(picture));
                                                    return {};
                                                  }));
    return std::pair{std::move(pictures), report.ms_per_picture};
  }

 private:
  eval::PaintOptions options_;
  std::optional<pipeline::PackedCache> cache_;
  std::optional<pipeline::TextToImage> painter_;
};

void compare(const Pictures& pictures, const Pictures& against, Agreement& row) {
  double mean_square = 0, worst = 0;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const double one = std::pow(10.0, -quant::psnr_db(pictures[i], against[i]) / 10);
    mean_square += one;
    worst = std::max(worst, one);
    row.ssim += quant::ssim(pictures[i], against[i]);
  }
  const auto count = static_cast<double>(pictures.size());
  row.ssim /= count;
  row.psnr_db = -10 * std::log10(mean_square / count);
  row.worst_psnr_db = -10 * std::log10(worst);
}

Status judge(eval::FeatureExtractor& scorer, const Tensor& texts, const Pictures& pictures,
             const Pictures& against, Agreement& row) {
  EF_TRY(const auto features, scorer.of_pictures(pictures));
  EF_TRY(const auto other, scorer.of_pictures(against));
  row.clip_score = eval::clip_score(features.embeddings, texts);
  row.against_clip_score = eval::clip_score(other.embeddings, texts);
  if (pictures.size() < 2) return {};
  EF_TRY(row.frechet_distance, eval::frechet_distance(features.features, other.features));
  return {};
}

nlohmann::json to_json(const Agreement& row) {
  // JSON has no infinity: null says that nothing differs.
  const auto decibels = [](double db) {
    return std::isfinite(db) ? nlohmann::json(db) : nlohmann::json(nullptr);
  };
  nlohmann::json json = {{"steps", row.steps},
                         {"ms_per_picture", row.ms},
                         {"against_ms_per_picture", row.against_ms},
                         {"psnr_db", decibels(row.psnr_db)},
                         {"worst_psnr_db", decibels(row.worst_psnr_db)},
                         {"ssim", row.ssim}};
  if (row.clip_score) json["clip_score"] = *row.clip_score;
  if (row.against_clip_score) json["against_clip_score"] = *row.against_clip_score;
  if (row.frechet_distance) json["frechet_distance"] = *row.frechet_distance;
  return json;
}

void print_row(const Agreement& row) {
  const auto number = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.2f}", *value) : std::string("-");
  };
  fmt::print("{:>5} {:>8.1f} {:>8.1f} {:>8.2f} {:>8.2f} {:>8.4f} {:>8} {:>8} {:>8}\n", row.steps,
             row.ms, row.against_ms, row.psnr_db, row.worst_psnr_db, row.ssim,
             number(row.clip_score), number(row.against_clip_score),
             number(row.frechet_distance));
}

void print(const Options& options, const std::vector<Agreement>& rows) {
  if (options.json) {
    nlohmann::json json = nlohmann::json::array();
    for (const Agreement& row : rows) json.push_back(to_json(row));
    return print_json(json);
  }
  fmt::print("{:>5} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}\n", "steps", "ms", "other ms",
             "PSNR dB", "worst", "SSIM", "CLIP", "other", "FD");
  for (const Agreement& row : rows) print_row(row);
}

Status agreement(const Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY(auto prompts, eval::read_text_lines(options.prompts));
  prompts.resize(std::min(prompts.size(), options.limit));
  catch_interrupts();
  const std::string& other = options.against.empty() ? options.model : options.against;
  EF_TRY(const auto painter, Painter::open(options.model, options.precision, options, runtime));
  EF_TRY(const auto against, Painter::open(other, options.against_precision, options, runtime));
  std::optional<eval::ImageTextModel> scorer;
  Tensor texts;
  if (!options.scorer.empty()) {
    EF_TRY(auto opened, eval::ImageTextModel::open(options.scorer, runtime));
    scorer.emplace(std::move(opened));
    EF_TRY(texts, scorer->of_texts(prompts));
  }
  std::vector<Agreement> rows;
  for (const int steps : options.steps) {
    Agreement& row = rows.emplace_back();
    row.steps = steps;
    EF_TRY(const auto ours, painter->paint(prompts, steps));
    EF_TRY(const auto theirs, against->paint(prompts, steps));
    row.ms = ours.second;
    row.against_ms = theirs.second;
    compare(ours.first, theirs.first, row);
    if (scorer) EF_TRY_STATUS(judge(*scorer, texts, ours.first, theirs.first, row));
  }
  print(options, rows);
  return {};
}

}  // namespace

Action declare_eval_agreement(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("-m,--model", options->model, "Model folder or bundle [the one that comes along]");
  app.add_option("--against", options->against, "What it is held against [the same model]");
  app.add_option("--precision", options->precision, "auto, f32, bf16 or int8")
      ->capture_default_str();
  app.add_option("--against-precision", options->against_precision, "Of the other one")
      ->capture_default_str();
  app.add_option("--prompts", options->prompts, "File with prompts, one a line")->required();
  app.add_option("--steps", options->steps, "Numbers of denoising steps, e.g. 1,2,4")
      ->delimiter(',')
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--limit", options->limit, "Most prompts")->capture_default_str();
  app.add_option("-s,--seed", options->paint.seed, "Seed of the first prompt; prompt i has this + i")
      ->capture_default_str();
  app.add_option("-W,--width", options->paint.width, "Pixels [the model's]");
  app.add_option("-H,--height", options->paint.height, "Pixels [the model's]");
  app.add_option("--scorer", options->scorer,
                 "Model that judges (a checkpoint of train image_text): CLIP score of both, and the "
                 "Frechet distance between them");
  app.add_flag("--json", options->json, "Print JSON");
  app.footer(
      "Example: edgefusion eval agreement -m emoji.int8.safetensors --against models/emoji-256 "
      "--prompts prompts.txt --steps 1,2,4");
  return [options](const CommonOptions& common) { return agreement(*options, common); };
}

}  // namespace edgefusion::cli
