#include <fmt/format.h>

#include <algorithm>
#include <functional>
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

constexpr size_t kMostSheetRows = 36;  // of `steps`, whose prompts are many

struct Options {
  std::string model, scorer, prompts, classes, sheet, precision = "auto";
  std::vector<std::string> shards;
  std::vector<int> steps = {1, 2, 4, 8};
  eval::PaintOptions paint;
  size_t limit = 200;
  int cell = 0;
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
  app.add_option("-W,--width", options.paint.width,
                 "Pixels, a multiple of 8 for most models [the model's]");
  app.add_option("-H,--height", options.paint.height,
                 "Pixels, a multiple of 8 for most models [the model's]");
  app.add_option("--cell", options.cell, "Most pixels of a picture on the sheet [all it has]")
      ->check(CLI::Range(16, 4096));
  app.add_option("--precision", options.precision, "auto, f32, bf16 or int8")->capture_default_str();
}

using TakePicture = std::function<Status(formats::Image)>;
using Texts = std::vector<std::string>;

/// A number that is given twice would be painted twice.
std::vector<int> once_each(const std::vector<int>& numbers) {
  std::vector<int> once;
  for (const int number : numbers) {
    if (std::ranges::find(once, number) == once.end()) once.push_back(number);
  }
  return once;
}

/// Captions of the first samples whose caption no other one has had before, and the pictures of
/// these.
Result<Texts> read_shards(const Options& options, const LogSink& log, const TakePicture& picture) {
  Texts prompts;
  std::unordered_set<std::string> seen;
  const auto take = [&](eval::CaptionedPicture sample) -> Result<bool> {
    if (sample.caption.empty() || !seen.insert(sample.caption).second) return true;
    prompts.push_back(std::move(sample.caption));
    if (picture) EF_TRY_STATUS(picture(std::move(sample.image)));
    return prompts.size() < options.limit;
  };
  for (const std::string& shard : options.shards) {
    if (prompts.size() == options.limit) break;
    EF_TRY_STATUS(eval::read_pictures(shard, log, take));
  }
  if (!prompts.empty()) return prompts;
  return fail(ErrorCode::not_found, options.shards.front() + ": no picture with a caption");
}

/// picture: takes the real pictures that go with the prompts, if there are some; may be empty.
Result<Texts> read_prompts(const Options& options, const LogSink& log, const TakePicture& picture) {
  if (!options.shards.empty()) return read_shards(options, log, picture);
  EF_TRY(Texts prompts, eval::read_text_lines(options.prompts));
  prompts.resize(std::min(prompts.size(), options.limit));
  return prompts;
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
    const fs::path path = model_or_default(options.model);
    painting->name_ = fs::weakly_canonical(path).filename().string();
    EF_TRY(auto model, pipeline::Model::open(path));
    EF_TRY(painting->options_.precision,
           pipeline::choose_precision(options.precision, model->folder(), runtime.isa));
    if (const auto place = cache_folder(options.model)) {
      painting->cache_.emplace(pipeline::PackedCacheOptions{.folder = *place}, runtime);
    }
    painting->painter_.emplace(std::move(model), runtime,
                               painting->cache_ ? &*painting->cache_ : nullptr);
    catch_interrupts();
    painting->options_.cancel = &interrupt_flag();
    return painting;
  }

  Result<eval::PaintReport> paint(std::span<const std::string> prompts, int steps,
                                  const TakePicture& take) {
    ProgressBar bar;
    eval::PaintOptions options = options_;
    options.steps = steps;
    options.progress = [&](size_t done, size_t total) {
      bar.update(steps_title(steps), done, total);
    };
    return eval::paint_prompts(*painter_, prompts, options, take);
  }

  const std::string& name() const { return name_; }

 private:
  eval::PaintOptions options_;
  std::string name_;
  std::optional<pipeline::PackedCache> cache_;
  std::optional<pipeline::TextToImage> painter_;
};

/// A sheet that grows column by column, picture by picture, no longer than `most` rows.
class SheetBuilder {
 public:
  /// cell: most pixels of a picture on it; 0: all that it has.
  SheetBuilder(size_t most, int cell) : most_(most), cell_(cell) {}

  void begin_column(std::string title) {
    titles_.push_back(std::move(title));
    columns_.emplace_back();
  }
  void add(const formats::Image& picture) {
    if (columns_.back().size() < most_) columns_.back().push_back(picture);
  }

  Status write(const std::string& path, std::span<const std::string> prompts,
               const std::string& title) const {
    std::vector<eval::SheetColumn> columns;
    for (size_t i = 0; i < titles_.size(); ++i) columns.push_back({titles_[i], columns_[i]});
    const auto rows = prompts.first(columns_.front().size());
    EF_TRY(const formats::Image sheet, eval::comparison_sheet(rows, columns, title, cell_));
    return formats::write_png(path, sheet);
  }

 private:
  size_t most_;
  int cell_;
  std::vector<std::string> titles_;
  std::vector<std::vector<formats::Image>> columns_;
};

Status run_sheet(const Options& options, const CommonOptions& common) {
  EF_TRY_STATUS(check_output(options.sheet));
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY(const Texts prompts, read_prompts(options, runtime.log, {}));
  EF_TRY(const auto painting, Painting::open(options, runtime));
  SheetBuilder sheet(prompts.size(), options.cell);
  for (const int steps : once_each(options.steps)) {
    sheet.begin_column(steps_title(steps));
    const auto take = [&](const formats::Image& picture) -> Status {
      sheet.add(picture);
      return {};
    };
    EF_TRY_STATUS(painting->paint(prompts, steps, take));
  }
  EF_TRY_STATUS(sheet.write(options.sheet, prompts, painting->name()));
  fmt::print("{}\n", options.sheet);
  return {};
}

/// Judges pictures as they come: the real ones, then a column for each number of steps.
class StepJudge {
 public:
  StepJudge(eval::ImageTextModel& scorer, int cell)
      : scorer_(scorer), sheet_(kMostSheetRows, cell) {}

  void begin(std::string title) {
    collector_.emplace(scorer_);
    sheet_.begin_column(std::move(title));
  }
  Status take(formats::Image picture) {
    sheet_.add(picture);
    return collector_->add(std::move(picture));
  }
  /// Prompts, and the real pictures where there are some.
  Result<Texts> read(const Options& options, const LogSink& log) {
    const TakePicture real = [this](formats::Image picture) -> Status {
      if (!collector_) begin("real");
      return take(std::move(picture));
    };
    return read_prompts(options, log, real);
  }
  /// To be called once, after read().
  Status begin_judging(const Texts& prompts, Texts classes) {
    EF_TRY(yardstick_, eval::make_yardstick(scorer_, prompts, std::move(classes)));
    if (!collector_) return {};
    EF_TRY(yardstick_.reference, collector_->finish());
    EF_TRY(const auto scores,
           eval::score_prompts(scorer_, yardstick_, *yardstick_.reference, false));
    rows_.push_back({.steps = {}, .scores = scores});
    return {};
  }
  /// Of the column that is complete.
  Status judge(int steps, double ms_per_picture) {
    EF_TRY(const auto features, collector_->finish());
    EF_TRY(const auto scores, eval::score_prompts(scorer_, yardstick_, features, true));
    rows_.push_back({steps, scores, ms_per_picture});
    return {};
  }

  const std::vector<StepRow>& rows() const { return rows_; }
  const SheetBuilder& sheet() const { return sheet_; }

 private:
  eval::ImageTextModel& scorer_;
  SheetBuilder sheet_;
  std::optional<eval::FeatureCollector> collector_;
  eval::Yardstick yardstick_;
  std::vector<StepRow> rows_;
};

void print_steps(const Options& options, const eval::FeatureExtractor& scorer,
                 const Painting& painting, const eval::PaintReport& last,
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
  EF_TRY(Texts classes, eval::class_texts(options.classes));
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY(auto scorer, eval::ImageTextModel::open(options.scorer, runtime));
  EF_TRY(const auto painting, Painting::open(options, runtime));
  StepJudge judge(scorer, options.cell);
  EF_TRY(const Texts prompts, judge.read(options, runtime.log));
  EF_TRY_STATUS(judge.begin_judging(prompts, std::move(classes)));
  eval::PaintReport report;
  for (const int steps : once_each(options.steps)) {
    judge.begin(steps_title(steps));
    const auto take = [&](formats::Image picture) { return judge.take(std::move(picture)); };
    EF_TRY(report, painting->paint(prompts, steps, take));
    EF_TRY_STATUS(judge.judge(steps, report.ms_per_picture));
  }
  if (!options.sheet.empty()) {
    EF_TRY_STATUS(judge.sheet().write(options.sheet, prompts, painting->name()));
  }
  print_steps(options, scorer, *painting, report, judge.rows(), prompts.size());
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
