#include "quant/quantize_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "engine/program.h"
#include "formats/quantized_bundle.h"
#include "quant/bundle_contents.h"
#include "quant/method_names.h"
#include "quant/model_layers.h"
#include "quant/model_report.h"
#include "quant/picture_time.h"
#include "quant/recipe_fit.h"
#include "quant/rounding_refinement.h"

namespace edgefusion::quant {
namespace {

namespace fs = std::filesystem;
using graph::Scheme;

constexpr size_t kShownPictures = 6;
constexpr size_t kFeedbackPrompts = 16;
constexpr int kMostRoundings = 24;  // whose pictures are looked at

double megabytes_of(const pipeline::Model& model) {
  double bytes = 0;
  for (const char* role : {"text_encoder", "unet", "vae"}) {
    const TensorSource& weights = *model.network(role).weights;
    for (const std::string& name : weights.names()) {
      bytes += static_cast<double>(weights.find(name)->bytes());
    }
  }
  return bytes * 1e-6;
}

/// One run of quantize_model() on its way.
class Quantization {
 public:
  Quantization(std::shared_ptr<const pipeline::Model> model, const QuantizeOptions& options,
               const Runtime& runtime)
      : model_(std::move(model)), options_(options), runtime_(runtime) {}

  Result<QuantizationReport> run(const fs::path& out) {
    EF_TRY_STATUS(prepare());
    EF_TRY_STATUS(calibrate());
    EF_TRY_STATUS(measure());
    EF_TRY(result_, choose());
    if (!result_.met) return fail(ErrorCode::resource_exhausted, result_.unmet);
    EF_TRY_STATUS(round_worst_again());
    EF_TRY_STATUS(write(out));
    return report();
  }

 private:
  TrialOptions trial_options() const {
    return {.steps = options_.steps,
            .width = options_.width,
            .height = options_.height,
            .seed = options_.seed,
            .cancel = options_.cancel};
  }

  Result<PictureTrials> trials_of(size_t first, size_t count) const {
    const std::span<const std::string> prompts(options_.prompts);
    TrialOptions options = trial_options();
    options.seed += first;
    return PictureTrials::make(model_, prompts.subspan(first, count), options, runtime_);
  }

  Status prepare() {
    const size_t all = options_.prompts.size();
    const size_t few = std::min(all, std::max<size_t>(1, options_.sensitivity_prompts));
    EF_TRY(PictureTrials trials, trials_of(0, few));
    TrialOptions of_checks = trial_options();
    of_checks.seed += all;  // as if they came after the others
    EF_TRY(PictureTrials checked, PictureTrials::make(model_, options_.check, of_checks, runtime_));
    trials_.emplace(std::move(trials));
    checked_.emplace(std::move(checked));
    EF_TRY(list_, model_layers(*model_, trials_->latent_shape()));
    if (!options_.recipe) return {};
    std::vector<std::string> warnings;
    EF_TRY(recipe_, fit_recipe(*options_.recipe, list_, warnings));
    for (const std::string& warning : warnings) runtime_.log(LogLevel::warn, warning);
    return {};
  }

  Variant observed_by(Calibration& calibration) const {
    return {.model = model_,
            .precision = engine::Precision::f32,
            .observe = [&calibration](std::string_view network, std::string_view value,
                                      const ConstTensorView& tensor) {
              calibration.observe(network, value, tensor);
            }};
  }

  /// All networks in f32 over `count` prompts, a few at a time.
  Status watch(Calibration& calibration, size_t count) {
    constexpr size_t kAtOnce = 16;
    const Variant variant = observed_by(calibration);
    for (size_t done = 0; done < count; done += kAtOnce) {
      report_progress("calibration", done, count);
      EF_TRY(const PictureTrials trials, trials_of(done, std::min(kAtOnce, count - done)));
      EF_TRY(const auto states, trials.encode(variant));
      EF_TRY(const auto latents, trials.denoise(variant, states));
      EF_TRY_STATUS(trials.decode(variant, latents).map([](const auto&) {}));
    }
    return {};
  }

  Status calibrate() {
    calibration_.emplace(list_.layers);
    EF_TRY_STATUS(watch(*calibration_, options_.prompts.size()));
    book_.emplace(model_, list_, *calibration_, options_.methods);
    return {};
  }

  std::vector<Scheme> schemes_to_try() const {
    std::set<Scheme> schemes(options_.schemes.begin(), options_.schemes.end());
    for (const auto& choice : recipe_.layers) {
      if (choice) schemes.insert(*choice);
    }
    return {schemes.begin(), schemes.end()};
  }

  Status measure() {
    EF_TRY(reference_,
           Reference::make(*trials_, {.model = model_, .precision = engine::Precision::bf16}));
    EF_TRY(exact_,
           Reference::make(*checked_, {.model = model_, .precision = engine::Precision::f32}));
    const FindingOptions finding = {.schemes = schemes_to_try(),
                                    .attention_schemes = options_.attention_schemes,
                                    .sensitivity = !is_all_fixed(),
                                    .cancel = options_.cancel,
                                    .progress = options_.progress};
    EF_TRY(findings_, find_costs(*trials_, reference_, *book_, *calibration_, finding, runtime_));
    return {};
  }

  /// The recipe says it all.
  bool is_all_fixed() const {
    const auto is_given = [](const auto& choice) { return choice.has_value(); };
    return options_.recipe && std::ranges::all_of(recipe_.layers, is_given) &&
           std::ranges::all_of(recipe_.attention, is_given);
  }

  int unet_runs() const { return checked_->steps(); }

  FixedCosts fixed_costs() {
    FixedCosts fixed;
    for (const auto& [network, ms] : findings_.fixed_ms) {
      fixed.ms += (network == "unet" ? unet_runs() : 1) * std::max(0.0, ms);
    }
    fixed.megabytes = megabytes_of(*model_);
    for (size_t i = 0; i < list_.layers.size(); ++i) {
      fixed.megabytes -= static_cast<double>(stored_bytes_of(*book_, i, Scheme::bf16)) * 1e-6;
    }
    return fixed;
  }

  Result<SearchResult> choose() {
    size_t checks = 0;
    return search(list_, findings_, recipe_, options_.goal, unet_runs(), fixed_costs(),
                  [&](const Assignment& assignment) -> Result<Deviation> {
                    report_progress("check", checks++, 0);
                    return deviation_of(assignment);
                  },
                  {.picture_ms = [&](const Assignment& a) { return picture_ms(a); },
                   .bundle_bytes = [&](const Assignment& a) { return bundle_bytes(a); }});
  }

  Result<Deviation> deviation_of(const Assignment& assignment) {
    const Candidate candidate(*book_, assignment);
    auto painted = exact_.paint(*checked_, candidate.variant());
    if (painted) {
      pictures_ = std::move(*painted);
      return exact_.deviation_of(pictures_);
    }
    if (painted.error().code() != ErrorCode::bad_file) return fail(std::move(painted).error());
    return Deviation{.psnr_db = 0, .ssim = 0, .mean_square = 1};  // numbers that are not finite
  }

  Result<double> error_of_trials() {
    report_progress("rounding", rounded_++, 0);
    const Candidate candidate(*book_, result_.assignment);
    EF_TRY(const Deviation deviation, exact_trials_.deviation(*trials_, candidate.variant(), ""));
    return deviation.mean_square;
  }

  /// Takes the products of the inputs of the layers that hurt most and rounds with feedback, where
  /// the pictures of the trials gain by it; what is stated is measured on the others.
  Status round_worst_again() {
    if (!options_.methods.feedback) return {};
    const auto worst = layers_to_round_again(*book_, result_.assignment, findings_);
    if (worst.empty()) return {};
    EF_TRY_STATUS(take_products(worst));
    EF_TRY(exact_trials_,
           Reference::make(*trials_, {.model = model_, .precision = engine::Precision::f32}));
    const RefinementTarget target = {.set =
                                         [&](std::span<const size_t> layers, bool refined) {
                                           for (const size_t i : layers) {
                                             refined ? book_->refine(i, *products_)
                                                     : book_->forget_refinement(i);
                                           }
                                         },
                                     .error = [&] { return error_of_trials(); }};
    EF_TRY(const double before, target.error());
    EF_TRY(const auto refined, refine_where_it_helps(worst, before, kMostRoundings, target));
    if (refined.empty()) return {};
    const SearchResult plain = result_;
    EF_TRY(const Deviation after, deviation_of(result_.assignment));
    result_.psnr_db = after.psnr_db;
    result_.ssim = after.ssim;
    if (after.psnr_db >= plain.psnr_db) return {};
    target.set(refined, false);
    result_ = plain;
    return deviation_of(result_.assignment).map([](const auto&) {});  // pictures_ again
  }

  Status take_products(std::span<const size_t> of_layers) {
    std::set<std::string> paths;
    std::vector<Layer> layers;
    for (const size_t i : of_layers) {
      paths.insert(list_.layers[i].path());
      layers.push_back(list_.layers[i]);
    }
    products_.emplace(layers, paths);
    return watch(*products_, std::min(kFeedbackPrompts, options_.prompts.size()));
  }

  /// What the description says that may change its length.
  struct Told {
    SearchGoal goal;
    double psnr_db = 0, ssim = 0;
  };

  nlohmann::json description(const Assignment& assignment, const Told& told) {
    const auto rounded = [](double x) { return std::round(x * 1e4) / 1e4; };
    const SearchGoal& goal = told.goal;
    nlohmann::json budget = nlohmann::json::object();
    if (goal.min_psnr_db) budget["min_psnr_db"] = *goal.min_psnr_db;
    if (goal.max_ms) budget["max_ms"] = *goal.max_ms;
    if (goal.max_mb) budget["max_mb"] = std::round(*goal.max_mb * 1e6) / 1e6;
    const fs::path& path = model_->folder().path;
    nlohmann::json json = {
        {"version", 1},
        {"source",
         {{"name", (path.has_filename() ? path : path.parent_path()).filename().string()},
          {"hash", source_hash()}}},
        {"calibration",
         {{"prompts", options_.prompts.size()},
          {"hash", texts_hash(options_.prompts)},
          {"source", options_.provenance},
          {"seed", options_.seed}}},
        {"steps", unet_runs()},
        {"checked_on", options_.check.size()},
        {"budget", std::move(budget)},
        {"methods", names_of(options_.methods)},
        {"scores", {{"psnr_db", rounded(told.psnr_db)}, {"ssim", rounded(told.ssim)}}},
        {"recipe", whole_recipe(list_, assignment)},
        {"ranges", input_ranges(*book_, assignment)},
        {"networks", nlohmann::json::object()}};
    const Candidate candidate(*book_, assignment);
    for (const auto& [role, network] : candidate.quantization()) {
      json["networks"][role] = pipeline::to_json(network);
    }
    return json;
  }

  const std::string& source_hash() {
    if (source_hash_.empty()) source_hash_ = weights_hash(*model_);
    return source_hash_;
  }

  formats::QuantizedContents contents_of(const Assignment& assignment, const Told& told) {
    formats::QuantizedContents contents = bundle_contents(*book_, assignment);
    contents.description = description(assignment, told);
    return contents;
  }

  /// To the byte, but for the digits of scores and of the limit itself, which are no more than
  /// here.
  Result<int64_t> bundle_bytes(const Assignment& assignment) {
    Told longest = {.goal = options_.goal, .psnr_db = 11.1111, .ssim = 0.1111};
    longest.goal.max_mb = 11111.111111;
    return formats::quantized_bundle_bytes(model_->folder(), contents_of(assignment, longest));
  }

  Status write(const fs::path& out) {
    const auto contents =
        contents_of(result_.assignment, {options_.goal, result_.psnr_db, result_.ssim});
    EF_TRY(result_.bundle_bytes, formats::quantized_bundle_bytes(model_->folder(), contents));
    const double megabytes = static_cast<double>(*result_.bundle_bytes) * 1e-6;
    if (options_.goal.max_mb && megabytes > *options_.goal.max_mb) {
      return fail(ErrorCode::resource_exhausted,
                  fmt::format("{}: has {:.6f} MB, expected at most {:.6f}", out.string(), megabytes,
                              *options_.goal.max_mb));
    }
    return formats::write_quantized_bundle(model_->folder(), contents, out);
  }

  Result<double> picture_ms(const Variant& variant) const {
    constexpr int kPictures = 7;
    return whole_picture_ms(variant, options_.check.front(), trial_options(), kPictures, runtime_);
  }

  Result<double> picture_ms(const Assignment& assignment) {
    report_progress("timing of pictures", timed_++, 0);
    const Candidate candidate(*book_, assignment);
    return picture_ms(candidate.variant());
  }

  Result<QuantizationReport> report() {
    if (!result_.whole_ms) {
      EF_TRY(result_.whole_ms, picture_ms(result_.assignment));
    }
    EF_TRY(const double ms_before,
           picture_ms(Variant{.model = model_, .precision = engine::Precision::bf16}));
    QuantizationReport report = make_report({.list = list_,
                                             .book = *book_,
                                             .calibration = *calibration_,
                                             .findings = findings_,
                                             .goal = options_.goal,
                                             .result = result_,
                                             .ms_before = ms_before,
                                             .megabytes_before = megabytes_of(*model_)});
    report.model = model_->folder().path.string();
    report.provenance = {{"calibration", options_.provenance},
                         {"prompts' hash", texts_hash(options_.prompts)},
                         {"seed", std::to_string(options_.seed)},
                         {"steps", std::to_string(unet_runs())},
                         {"scores", fmt::format("of {} other prompts", options_.check.size())},
                         {"times", "least of whole pictures; those of layers are of steps alone"}};
    EF_TRY_STATUS(add_pictures(report));
    return report;
  }

  Status add_pictures(QuantizationReport& report) {
    const size_t count = std::min(kShownPictures, pictures_.size());
    for (size_t i = 0; i < count; ++i) {
      EF_TRY(auto pair, make_picture_pair(checked_->prompt(i), exact_.pictures()[i], pictures_[i]));
      report.pictures.push_back(std::move(pair));
    }
    if (!options_.clip_scores) return {};
    const auto texts = std::span(options_.check).first(count);
    EF_TRY(const auto before,
           options_.clip_scores(texts, std::span(exact_.pictures()).first(count)));
    EF_TRY(const auto after, options_.clip_scores(texts, std::span(pictures_).first(count)));
    for (size_t i = 0; i < count; ++i) {
      report.pictures[i].clip_before = before[i];
      report.pictures[i].clip_after = after[i];
    }
    return {};
  }

  void report_progress(std::string_view what, size_t done, size_t total) const {
    if (options_.progress) options_.progress(what, done, total);
  }

  std::shared_ptr<const pipeline::Model> model_;
  const QuantizeOptions& options_;
  const Runtime& runtime_;
  std::optional<PictureTrials> trials_, checked_;
  LayerList list_;
  RecipeChoices recipe_;
  std::optional<Calibration> calibration_, products_;
  std::optional<SchemeBook> book_;
  // bf16 and f32 of few prompts; f32 of those that check.
  Reference reference_, exact_trials_, exact_;
  size_t rounded_ = 0, timed_ = 0;
  std::string source_hash_;
  Findings findings_;
  SearchResult result_;
  std::vector<formats::Image> pictures_;  // of the last check
};

}  // namespace

Result<QuantizationReport> quantize_model(std::shared_ptr<const pipeline::Model> model,
                                          const QuantizeOptions& options, const fs::path& out,
                                          const Runtime& runtime) {
  if (model->is_quantized()) {
    return fail(
        ErrorCode::invalid_argument,
        model->folder().path.string() + ": is quantised already, expected a model of floats");
  }
  EF_CHECK(!options.prompts.empty() && !options.check.empty(), "prompts to calibrate and check by");
  return Quantization(std::move(model), options, runtime).run(out);
}

}  // namespace edgefusion::quant
