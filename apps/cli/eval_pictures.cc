#include <fmt/format.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/eval_table.h"
#include "cli/eval_tasks.h"
#include "cli/interrupt.h"
#include "core/json.h"
#include "eval/class_texts.h"
#include "eval/frechet_distance.h"
#include "eval/image_text_model.h"
#include "eval/picture_features.h"
#include "eval/picture_source.h"
#include "eval/scores.h"
#include "eval/text_lines.h"

// `eval clip`, `eval fid`, `eval is`: pictures that are there.

namespace edgefusion::cli {
namespace {

struct Options {
  std::string scorer, classes;
  std::vector<std::string> sources;
  size_t limit = 0;  // 0: all
  bool json = false;
};

void declare_common(CLI::App& app, Options& options) {
  app.add_option("--scorer", options.scorer, "Model that judges: a checkpoint of train image_text")
      ->required();
  app.add_option("--limit", options.limit, "Most pictures of each source; 0: all")
      ->check(CLI::Range(0, 1000000000))
      ->capture_default_str();
  app.add_flag("--json", options.json, "Print the result as JSON");
}

struct PictureSet {
  eval::PictureFeatures features;
  std::vector<std::string> captions;
};

/// with_captions: pictures without one are passed over.
Result<PictureSet> read_set(const std::vector<std::string>& sources, const Options& options,
                            bool with_captions, eval::FeatureExtractor& extractor,
                            const Runtime& runtime) {
  eval::FeatureCollector collector(extractor);
  PictureSet set;
  for (const std::string& source : sources) {
    size_t taken = 0;
    const auto take = [&](eval::CaptionedPicture picture) -> Result<bool> {
      if (interrupt_flag().load()) return fail(ErrorCode::cancelled, "cancelled");
      if (with_captions && picture.caption.empty()) return true;
      EF_TRY_STATUS(collector.add(std::move(picture.image)));
      set.captions.push_back(std::move(picture.caption));
      ++taken;
      if (taken % 500 == 0) fmt::print(stderr, "{}: {} pictures\n", printable(source), taken);
      return options.limit == 0 || taken < options.limit;
    };
    EF_TRY_STATUS(eval::read_pictures(source, runtime.log, take));
  }
  if (set.captions.empty()) {
    return fail(ErrorCode::not_found, sources.front() + ": no picture with a caption");
  }
  EF_TRY(set.features, collector.finish());
  return set;
}

/// Distinct texts, and which of them each caption is.
struct Gallery {
  std::vector<std::string> texts;
  std::vector<int64_t> of_caption;
};

Gallery gallery_of(const std::vector<std::string>& captions) {
  Gallery gallery;
  std::unordered_map<std::string, int64_t> known;
  for (const std::string& caption : captions) {
    const auto [place, is_new] = known.emplace(caption, static_cast<int64_t>(gallery.texts.size()));
    if (is_new) gallery.texts.push_back(caption);
    gallery.of_caption.push_back(place->second);
  }
  return gallery;
}

/// The captions' embeddings, one row a picture.
Tensor spread(const Tensor& texts, const std::vector<int64_t>& of_caption) {
  const auto width = static_cast<size_t>(texts.shape()[1]);
  Tensor rows({static_cast<int64_t>(of_caption.size()), texts.shape()[1]}, DType::f32);
  auto out = rows.values<float>().begin();
  for (const int64_t text : of_caption) {
    out = std::ranges::copy(texts.values<float>().subspan(static_cast<size_t>(text) * width, width),
                            out)
              .out;
  }
  return rows;
}

Status run_clip(const Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  catch_interrupts();
  EF_TRY(auto scorer, eval::ImageTextModel::open(options.scorer, runtime));
  EF_TRY(const PictureSet set, read_set(options.sources, options, true, scorer, runtime));
  const Gallery gallery = gallery_of(set.captions);
  EF_TRY(const Tensor texts, scorer.of_texts(gallery.texts));
  const Tensor& pictures = set.features.embeddings;
  const double score = eval::clip_score(pictures, spread(texts, gallery.of_caption));
  const double first = eval::recall_at(1, pictures, texts, gallery.of_caption);
  const double five = eval::recall_at(5, pictures, texts, gallery.of_caption);
  if (options.json) {
    print_json({{"scorer", scorer.name()},
                {"pictures", set.captions.size()},
                {"captions", gallery.texts.size()},
                {"clip_score", score},
                {"recall_at_1", first},
                {"recall_at_5", five}});
  } else {
    fmt::print("CLIP score {:.2f}, recall@1 {:.3f}, recall@5 {:.3f} ({} pictures, {} captions)\n",
               score, first, five, set.captions.size(), gallery.texts.size());
  }
  return {};
}

Status run_fid(const Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  catch_interrupts();
  EF_TRY(auto scorer, eval::ImageTextModel::open(options.scorer, runtime));
  std::vector<PictureSet> sets;
  for (const std::string& source : options.sources) {
    EF_TRY(PictureSet set, read_set({source}, options, false, scorer, runtime));
    sets.push_back(std::move(set));
  }
  EF_TRY(const double distance,
         eval::frechet_distance(sets[0].features.features, sets[1].features.features));
  if (options.json) {
    print_json({{"scorer", scorer.name()},
                {"pictures", {sets[0].captions.size(), sets[1].captions.size()}},
                {"fid", distance}});
  } else {
    fmt::print("FID {:.4f} ({} and {} pictures)\n", distance, sets[0].captions.size(),
               sets[1].captions.size());
  }
  return {};
}

Status run_is(const Options& options, const CommonOptions& common) {
  EF_TRY(const auto classes, eval::class_texts(options.classes));
  EF_TRY(const Runtime runtime, make_runtime(common));
  catch_interrupts();
  EF_TRY(auto scorer, eval::ImageTextModel::open(options.scorer, runtime));
  EF_TRY(const PictureSet set, read_set(options.sources, options, false, scorer, runtime));
  EF_TRY(const Tensor probabilities, scorer.class_probabilities(set.features, classes));
  const double score = eval::inception_score(probabilities);
  if (options.json) {
    print_json({{"scorer", scorer.name()},
                {"pictures", set.captions.size()},
                {"classes", classes.size()},
                {"inception_score", score}});
  } else {
    fmt::print("IS {:.3f} ({} pictures, {} classes)\n", score, set.captions.size(), classes.size());
  }
  return {};
}

constexpr const char* kSourceHelp = "Shard (KEY.webp, KEY.txt in a tar), or folder of pictures";

}  // namespace

Action declare_eval_clip(CLI::App& app) {
  auto options = std::make_shared<Options>();
  declare_common(app, *options);
  app.add_option("pictures", options->sources, kSourceHelp)->required();
  app.footer("Example: edgefusion eval clip --scorer scorer pictures/");
  return [options](const CommonOptions& common) { return run_clip(*options, common); };
}

Action declare_eval_fid(CLI::App& app) {
  auto options = std::make_shared<Options>();
  declare_common(app, *options);
  app.add_option("pictures", options->sources, std::string(kSourceHelp) + "; two of them")
      ->required()
      ->expected(2);
  app.footer("Example: edgefusion eval fid --scorer scorer val-000.tar.gz pictures/");
  return [options](const CommonOptions& common) { return run_fid(*options, common); };
}

Action declare_eval_is(CLI::App& app) {
  auto options = std::make_shared<Options>();
  declare_common(app, *options);
  app.add_option("pictures", options->sources, kSourceHelp)->required();
  app.add_option("--classes", options->classes,
                 "File with the classes in words, one a line [a hundred everyday things]");
  app.footer("Example: edgefusion eval is --scorer scorer pictures/");
  return [options](const CommonOptions& common) { return run_is(*options, common); };
}

}  // namespace edgefusion::cli
