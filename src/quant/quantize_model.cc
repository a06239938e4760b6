#include "quant/quantize_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/content_hash.h"
#include "engine/program.h"
#include "formats/quantized_bundle.h"
#include "quant/model_layers.h"
#include "quant/model_report.h"
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
    const size_t check = std::min(all, std::max<size_t>(1, options_.check_prompts));
    EF_TRY(PictureTrials trials, trials_of(0, few));
    EF_TRY(PictureTrials checked, trials_of(all - check, check));
    trials_.emplace(std::move(trials));
    checked_.emplace(std::move(checked));
    EF_TRY(list_, model_layers(*model_, trials_->latent_shape()));
    if (!options_.recipe) return {};
    std::vector<std::string> layers, attentions;
    for (const Layer& layer : list_.layers) layers.push_back(layer.path());
    for (const AttentionLayer& attention : list_.attentions) attentions.push_back(attention.path());
    EF_TRY(recipe_, resolve_recipe(*options_.recipe, layers, attentions));
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
                  });
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

  nlohmann::json description(const pipeline::ModelQuantization& quantization) const {
    nlohmann::json json = {{"version", 1},
                           {"calibration",
                            {{"prompts", options_.prompts.size()},
                             {"hash", prompts_hash()},
                             {"source", options_.provenance},
                             {"seed", options_.seed}}},
                           {"scores", {{"psnr_db", result_.psnr_db}, {"ssim", result_.ssim}}},
                           {"networks", nlohmann::json::object()}};
    if (options_.recipe) json["recipe"] = nlohmann::json::parse(to_json_text(*options_.recipe));
    for (const auto& [role, network] : quantization) {
      json["networks"][role] = pipeline::to_json(network);
    }
    return json;
  }

  std::string prompts_hash() const {
    ContentHasher hasher;
    for (const std::string& prompt : options_.prompts) hasher.add_text(prompt);
    return hasher.result().to_hex();
  }

  Status write(const fs::path& out) {
    const Candidate candidate(*book_, result_.assignment);
    formats::QuantizedContents contents;
    for (size_t i = 0; i < list_.layers.size(); ++i) add_contents(i, contents);
    contents.description = description(candidate.quantization());
    return formats::write_quantized_bundle(model_->folder(), contents, out);
  }

  void add_contents(size_t i, formats::QuantizedContents& contents) {
    const Layer& layer = list_.layers[i];
    const QuantizedLayer& quantized = book_->layer(i, result_.assignment.layers[i]);
    for (const auto& [name, weights] : quantized.weights) {
      contents.tensors[layer.network][name] = weights;
    }
    for (const auto& [name, bias] : quantized.biases) {
      contents.replaced[layer.network][name] = bias;
    }
    const auto& settings = quantized.settings;
    if (!settings.input_scale.empty()) {
      contents.numbers[layer.path() + ".input_scale"] = settings.input_scale;
    }
    if (!settings.position_scale.empty()) {
      contents.numbers[layer.path() + ".position_scale"] = settings.position_scale;
    }
  }

  Result<QuantizationReport> report() {
    const FixedCosts fixed = fixed_costs();
    double ms_before = fixed.ms;
    for (size_t i = 0; i < list_.layers.size(); ++i) {
      ms_before += (list_.layers[i].network == "unet" ? unet_runs() : 1) *
                   findings_.layers[i].at(Scheme::bf16).time_ms;
    }
    for (size_t i = 0; i < list_.attentions.size(); ++i) {
      ms_before += (list_.attentions[i].network == "unet" ? unet_runs() : 1) *
                   findings_.attentions[i].at(graph::AttentionScheme::bf16).time_ms;
    }
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
                         {"prompts' hash", prompts_hash()},
                         {"seed", std::to_string(options_.seed)},
                         {"steps", std::to_string(unet_runs())}};
    for (size_t i = 0; i < std::min(kShownPictures, pictures_.size()); ++i) {
      EF_TRY(auto pair, make_picture_pair(checked_->prompt(i), exact_.pictures()[i], pictures_[i]));
      report.pictures.push_back(std::move(pair));
    }
    return report;
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
  size_t rounded_ = 0;
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
  EF_CHECK(!options.prompts.empty(), "prompts to calibrate by");
  return Quantization(std::move(model), options, runtime).run(out);
}

}  // namespace edgefusion::quant
