#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "cli/cache_folder.h"
#include "cli/default_model.h"
#include "cli/eval_table.h"
#include "cli/eval_tasks.h"
#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/progress_bar.h"
#include "cli/seed_option.h"
#include "eval/class_texts.h"
#include "eval/comparison_sheet.h"
#include "eval/image_text_model.h"
#include "eval/paint_prompts.h"
#include "eval/picture_features.h"
#include "eval/picture_source.h"
#include "eval/step_scores.h"
#include "eval/text_lines.h"
#include "formats/png.h"

// `eval steps` and `eval sheet`: what a model paints at several numbers of steps.

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostSheetRows = 24;  // of `steps`, whose prompts are many

struct Options {
  std::string model, scorer, prompts, classes, sheet, precision = "auto";
  std::vector<std::string> shards;
  std::vector<int> steps = {1, 2, 4, 8};
  eval::PaintOptions paint;
  size_t limit = 200;
  bool json = false;
};

void declare_common(CLI::App& app, Options& options) {
  app.add_option("-m,--model", options.model,
                 "Model folder in the diffusers layout, or bundle [the model that comes with the "
                 "program]");
  auto* prompts = app.add_option("--prompts", options.prompts, "File with prompts, one a line");
  app.add_option("--shards", options.shards,
                 "Shards whose captions are the prompts, and whose pictures the real ones")
      ->excludes(prompts);
  app.add_option("--steps", options.steps, "Numbers of denoising steps, e.g. 1,2,4,25")
      ->delimiter(',')
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--cfg-scale", options.paint.guidance_scale, "Guidance scale [the model's]");
  app.add_option("--limit", options.limit, "Most prompts")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("-s,--seed", options.paint.seed, "Seed of the first prompt; prompt i has this + i")
      ->check(is_seed)
      ->capture_default_str();
  app.add_option("-W,--width", options.paint.width, "Pixels, a multiple of 8 [the model's]");
  app.add_option("-H,--height", options.paint.height, "Pixels, a multiple of 8 [the model's]");
  app.add_option("--precision", options.precision, "auto, f32 or bf16")->capture_default_str();
}

/// Prompts, and the real pictures that go with them if there are some.
struct PromptSet {
  std::vector<std::string> prompts;
  std::vector<formats::Image> pictures;
};

/// The first samples with captions that no other one has had before.
Result<PromptSet> read_shards(const Options& options, bool with_pictures, const LogSink& log) {
  PromptSet set;
  std::unordered_set<std::string> seen;
  const auto take = [&](eval::CaptionedPicture sample) -> Result<bool> {
    if (sample.caption.empty() || !seen.insert(sample.caption).second) return true;
    set.prompts.push_back(std::move(sample.caption));
    if (with_pictures) set.pictures.push_back(std::move(sample.image));
    return set.prompts.size() < options.limit;
  };
  for (const std::string& shard : options.shards) {
    if (set.prompts.size() == options.limit) break;
    EF_TRY_STATUS(eval::read_pictures(shard, log, take));
  }
  if (!set.prompts.empty()) return set;
  return fail(ErrorCode::not_found, options.shards.front() + ": no picture with a caption");
}

Result<PromptSet> read_prompts(const Options& options, bool with_pictures, const LogSink& log) {
  if (!options.shards.empty()) return read_shards(options, with_pictures, log);
  PromptSet set;
  EF_TRY(set.prompts, eval::read_text_lines(options.prompts));
  set.prompts.resize(std::min(set.prompts.size(), options.limit));
  return set;
}

std::string steps_title(int steps) {
  return std::to_string(steps) + (steps == 1 ? " step" : " steps");
}

/// A model that paints prompts at any number of steps.
class Painting {
 public:
  static Result<std::unique_ptr<Painting>> open(const Options& options, const Runtime& runtime) {
    auto painting = std::make_unique<Painting>();
    painting->options_ = options.paint;
    EF_TRY(painting->options_.precision, engine::parse_precision(options.precision, runtime.isa));
    const fs::path path = model_or_default(options.model);
    painting->name_ = fs::weakly_canonical(path).filename().string();
    EF_TRY(auto model, pipeline::Model::open(path));
    if (const auto place = cache_folder(options.model)) {
      painting->cache_.emplace(pipeline::PackedCacheOptions{.folder = *place}, runtime);
    }
    painting->painter_.emplace(std::move(model), runtime,
                               painting->cache_ ? &*painting->cache_ : nullptr);
    catch_interrupts();
    painting->options_.cancel = &interrupt_flag();
    return painting;
  }

  Result<eval::Paintings> paint(std::span<const std::string> prompts, int steps) {
    ProgressBar bar;
    eval::PaintOptions options = options_;
    options.steps = steps;
    options.progress = [&](size_t done, size_t total) {
      bar.update(steps_title(steps), done, total);
    };
    return eval::paint_prompts(*painter_, prompts, options);
  }

  const std::string& name() const { return name_; }

 private:
  eval::PaintOptions options_;
  std::string name_;
  std::optional<pipeline::PackedCache> cache_;
  std::optional<pipeline::TextToImage> painter_;
};

/// Columns of a sheet, as they come; no more of each than the sheet has rows.
class SheetBuilder {
 public:
  explicit SheetBuilder(std::span<const std::string> prompts) : prompts_(prompts) {}

  void add(std::string title, std::span<const formats::Image> pictures) {
    titles_.push_back(std::move(title));
    const auto rows = pictures.first(prompts_.size());
    columns_.emplace_back(rows.begin(), rows.end());
  }

  Status write(const std::string& path, const std::string& title) const {
    std::vector<eval::SheetColumn> columns;
    for (size_t i = 0; i < titles_.size(); ++i) columns.push_back({titles_[i], columns_[i]});
    EF_TRY(const formats::Image sheet, eval::comparison_sheet(prompts_, columns, title));
    return formats::write_png(path, sheet);
  }

 private:
  std::span<const std::string> prompts_;
  std::vector<std::string> titles_;
  std::vector<std::vector<formats::Image>> columns_;
};

Status run_sheet(const Options& options, const CommonOptions& common) {
  EF_TRY_STATUS(check_output(options.sheet));
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY(const PromptSet set, read_prompts(options, false, runtime.log));
  EF_TRY(const auto painting, Painting::open(options, runtime));
  SheetBuilder sheet(set.prompts);
  for (const int steps : options.steps) {
    EF_TRY(const eval::Paintings painted, painting->paint(set.prompts, steps));
    sheet.add(steps_title(steps), painted.pictures);
  }
  EF_TRY_STATUS(sheet.write(options.sheet, painting->name()));
  fmt::print("{}\n", options.sheet);
  return {};
}

Result<eval::PictureFeatures> features_of(std::vector<formats::Image> pictures,
                                          eval::FeatureExtractor& extractor) {
  eval::FeatureCollector collector(extractor);
  for (formats::Image& picture : pictures) EF_TRY_STATUS(collector.add(std::move(picture)));
  return collector.finish();
}

void print_steps(const Options& options, const eval::FeatureExtractor& scorer,
                 const Painting& painting, const eval::Paintings& last,
                 const std::vector<StepRow>& rows, size_t prompts) {
  if (options.json) {
    print_json({{"model", painting.name()},
                {"scorer", scorer.name()},
                {"prompts", prompts},
                {"seed", options.paint.seed},
                {"guidance_scale", last.guidance_scale},
                {"scheduler", last.scheduler},
                {"rows", to_json(rows)}});
    return;
  }
  fmt::print("{}", step_table(rows));
  fmt::print("{}: {} prompts, {}, guidance scale {}, seed {}, judged by {}\n", painting.name(),
             prompts, last.scheduler, last.guidance_scale, options.paint.seed, scorer.name());
}

Status run_steps(const Options& options, const CommonOptions& common) {
  if (!options.sheet.empty()) EF_TRY_STATUS(check_output(options.sheet));
  EF_TRY(auto classes, eval::class_texts(options.classes));
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY(auto scorer, eval::ImageTextModel::open(options.scorer, runtime));
  EF_TRY(PromptSet set, read_prompts(options, true, runtime.log));
  EF_TRY(const auto painting, Painting::open(options, runtime));
  EF_TRY(auto yardstick, eval::make_yardstick(scorer, set.prompts, std::move(classes)));
  SheetBuilder sheet(std::span(set.prompts).first(std::min(kMostSheetRows, set.prompts.size())));
  std::vector<StepRow> rows;
  if (!set.pictures.empty()) {
    sheet.add("real", set.pictures);
    EF_TRY(yardstick.reference, features_of(std::move(set.pictures), scorer));
    EF_TRY(const auto scores, eval::score_prompts(scorer, yardstick, *yardstick.reference, false));
    rows.push_back({.steps = {}, .scores = scores});
  }
  eval::Paintings painted;
  for (const int steps : options.steps) {
    EF_TRY(painted, painting->paint(set.prompts, steps));
    sheet.add(steps_title(steps), painted.pictures);
    EF_TRY(const auto features, features_of(std::move(painted.pictures), scorer));
    EF_TRY(const auto scores, eval::score_prompts(scorer, yardstick, features, true));
    rows.push_back({steps, scores, painted.ms_per_picture});
  }
  if (!options.sheet.empty()) EF_TRY_STATUS(sheet.write(options.sheet, painting->name()));
  print_steps(options, scorer, *painting, painted, rows, set.prompts.size());
  return {};
}

/// Prompts come from one of two places.
void require_prompts(CLI::App& app, const std::shared_ptr<Options>& options) {
  app.callback([options] {
    if (options->prompts.empty() && options->shards.empty()) {
      throw CLI::RequiredError("--prompts or --shards");
    }
  });
}

}  // namespace

Action declare_eval_steps(CLI::App& app) {
  auto options = std::make_shared<Options>();
  declare_common(app, *options);
  app.add_option("--scorer", options->scorer, "Model that judges: a checkpoint of train image_text")
      ->required();
  app.add_option("--classes", options->classes,
                 "File with the classes of IS in words, one a line [a hundred everyday things]");
  app.add_option("--sheet", options->sheet, "Also write a sheet of the first prompts (PNG)");
  app.add_flag("--json", options->json, "Print the table as JSON");
  require_prompts(app, options);
  app.footer("Example: edgefusion eval steps --scorer scorer --shards val-000.tar.gz --limit 100");
  return [options](const CommonOptions& common) { return run_steps(*options, common); };
}

Action declare_eval_sheet(CLI::App& app) {
  auto options = std::make_shared<Options>();
  options->limit = kMostSheetRows;
  declare_common(app, *options);
  app.add_option("-o,--output", options->sheet, "PNG to write")->required();
  require_prompts(app, options);
  app.footer("Example: edgefusion eval sheet --prompts prompts.txt --steps 1,2,4 -o sheet.png");
  return [options](const CommonOptions& common) { return run_sheet(*options, common); };
}

}  // namespace edgefusion::cli
