#include "train/lcm_objective.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "formats/diffusers_folder.h"
#include "train/autocast.h"
#include "train/consistency.h"
#include "train/device.h"
#include "train/hinge_loss.h"
#include "train/latent_critic.h"
#include "train/picture_decoder.h"

namespace edgefusion::train {
namespace {

using nlohmann::json;

constexpr const char *kWidth = "time_cond_proj_dim",
                     *kProjection = "time_embedding.cond_proj.weight";
constexpr int64_t kEmbeddingWidth = 256;
constexpr int kDefaultSteps = 2;

/// The student's weights, and zeros for a w embedding that it does not have yet: it begins as it
/// was.
class StudentWeights final : public TensorSource {
 public:
  StudentWeights(const TensorSource& weights, Shape projection)
      : weights_(weights), zeros_(projection, DType::f32), view_(std::as_const(zeros_).view()) {}

  const ConstTensorView* find(std::string_view name) const override {
    const ConstTensorView* found = weights_.find(name);
    return found == nullptr && name == kProjection ? &view_ : found;
  }
  std::vector<std::string> names() const override { return weights_.names(); }
  std::string origin() const override { return weights_.origin(); }

 private:
  const TensorSource& weights_;
  Tensor zeros_;
  ConstTensorView view_;
};

class LcmObjective final : public Objective {
 public:
  LcmObjective(const TrainConfig& config, std::shared_ptr<const pipeline::Model> model,
               DiffusionTask task, formats::NetworkFiles student)
      : config_(config),
        model_(std::move(model)),
        task_(std::move(task)),
        student_(std::move(student)),
        network_config_(student_.config),
        grid_(task_.levels.steps(), config.solver_points) {
    if (config.w_embedding && !has_embedding()) network_config_[kWidth] = kEmbeddingWidth;
  }

  const json& network_config() const override { return network_config_; }

  Result<graph::Graph> graph(int64_t batch, int64_t height, int64_t width) const override {
    return unet_graph(*model_, {network_config_, student_.config_origin}, nullptr,
                      {batch, height, width});
  }

  Parameters first_parameters(const graph::Graph& graph) const override {
    return Parameters::load(graph, StudentWeights(*student_.weights, projection_shape(graph)));
  }

  Status prepare(int64_t batch, int64_t height, int64_t width) override {
    const formats::NetworkFiles& teacher = model_->network("unet");
    EF_TRY(graph_, graph(batch, height, width));
    EF_TRY(teacher_graph_, unet_graph(*model_, {teacher.config, teacher.config_origin},
                                      teacher.weights.get(), {batch, height, width}));
    teacher_ = Parameters::load(teacher_graph_, *teacher.weights).to(device_of(config_)).frozen();
    if (config_.image_weight > 0) {
      const Shape latents = {batch, height, width, model_->latent_space().channels};
      EF_TRY(decoder_, PictureDecoder::open(config_.decoder, *model_, latents, device_of(config_)));
    }
    if (config_.adversarial_weight > 0) {
      EF_TRY(critic_, LatentCritic::make(teacher_graph_, teacher_));
    }
    return check_weights();
  }

  bool needs_average() const override { return true; }

  std::optional<Parameters> first_critic() const override {
    if (config_.adversarial_weight <= 0) return std::nullopt;
    constexpr uint64_t kCritic = 100;  // other numbers than a network's own
    return critic_.first_heads(mixed_seed(config_.seed, Purpose::first_weights, kCritic));
  }

  Losses losses(const Batch& batch, const Networks& networks) const override {
    const at::Tensor index =
        (batch.choices.select(1, 0) * static_cast<double>(grid_.points())).to(at::kLong);
    const at::Tensor w = config_.guidance_min +
                         batch.choices.select(1, 1) * (config_.guidance_max - config_.guidance_min);
    const at::Tensor begin = grid_.begin(index), end = grid_.end(index);
    const at::Tensor z = task_.levels.noised(batch.clean, batch.noise, begin);
    at::Tensor target;
    {
      const at::NoGradGuard no_grad;
      const TeacherView view =
          guided_view(task_.levels, task_.type, teacher(z, begin, batch.states),
                      teacher(z, begin, batch.without), z, begin, w);
      const at::Tensor below = solver_step(task_.levels, grid_, view, index);
      target = student(networks.average, below, end, batch.states, w);
    }
    const at::Tensor output = student(networks.parameters, z, begin, batch.states, w);
    Losses losses;
    losses.add("consistency", 1.0,
               config_.huber_c > 0 ? pseudo_huber(output, target, config_.huber_c)
                                   : weighted_mse(output, target));
    if (config_.image_weight > 0) {
      losses.add("image", config_.image_weight, picture_difference(output, target));
    }
    if (networks.critic != nullptr && networks.step >= config_.adversarial_from) {
      add_critic_terms(batch, output, *networks.critic, losses);
    }
    return losses;
  }

  std::map<std::string, json> changed_files() const override {
    json schedule = model_->scheduler_config();
    schedule["_class_name"] = "LCMScheduler";
    schedule["original_inference_steps"] = config_.solver_points;
    schedule["clip_sample"] = false;
    json index = json::object();
    index["_class_name"] =
        has_embedding() ? "LatentConsistencyModelPipeline" : "StableDiffusionPipeline";
    index["scheduler"] = {"diffusers", "LCMScheduler"};
    index["unet"] = {"diffusers", "UNet2DConditionModel"};
    index["vae"] = {"diffusers", model_->network("vae").class_name};
    index["text_encoder"] = {"transformers", model_->network("text_encoder").class_name};
    index["tokenizer"] = {"transformers", "AutoTokenizer"};
    std::map<std::string, json> files = {{"scheduler/scheduler_config.json", schedule},
                                         {"model_index.json", index}};
    // What the teacher is best painted with is not what the student is.
    json defaults = model_->folder().edgefusion;
    if (defaults.is_object()) {
      defaults["default_steps"] = kDefaultSteps;
      defaults["default_cfg_scale"] =
          has_embedding() ? (config_.guidance_min + config_.guidance_max) / 2 : 1.0;
      files["edgefusion.json"] = std::move(defaults);
    }
    return files;
  }

 private:
  bool has_embedding() const {
    const auto width = network_config_.find(kWidth);
    return width != network_config_.end() && !width->is_null();
  }

  static Shape projection_shape(const graph::Graph& graph) {
    for (const graph::Node& node : graph.nodes()) {
      if (node.op != graph::OpKind::weight) continue;
      if (node.as<graph::WeightAttrs>().tensors.front() == kProjection) {
        return graph.value(node.output).shape;
      }
    }
    return Shape{0};
  }

  /// The graph of a student whose config was changed is built from shapes: its weights are checked
  /// here.
  Status check_weights() const {
    for (const graph::Node& node : graph_.nodes()) {
      if (node.op != graph::OpKind::weight) continue;
      const std::string& name = node.as<graph::WeightAttrs>().tensors.front();
      const ConstTensorView* found = student_.weights->find(name);
      const int64_t expected = graph_.value(node.output).shape.elements();
      const bool added = found == nullptr && name == kProjection;
      if (added || (found != nullptr && found->shape.elements() == expected)) continue;
      return fail(ErrorCode::bad_file,
                  student_.weights->origin() + ": " + name + ": expected shape " +
                      graph_.value(node.output).shape.to_string() + ", found " +
                      (found == nullptr ? "nothing" : found->shape.to_string()));
    }
    return {};
  }

  at::Tensor teacher(const at::Tensor& z, const at::Tensor& t, const at::Tensor& states) const {
    const AutocastGuard autocast(config_.bf16);
    const NamedTensors inputs = {
        {"sample", z}, {"timestep", t.to(at::kFloat)}, {"encoder_hidden_states", states}};
    return run_graph(teacher_graph_, teacher_, inputs).at(kUnetOutput).to(at::kFloat);
  }

  /// f(z, w, c, t) of the paper.
  at::Tensor student(const Parameters& parameters, const at::Tensor& z, const at::Tensor& t,
                     const at::Tensor& states, const at::Tensor& w) const {
    NamedTensors inputs = {
        {"sample", z}, {"timestep", t.to(at::kFloat)}, {"encoder_hidden_states", states}};
    if (has_embedding()) {
      inputs["timestep_cond"] = guidance_embedding(w, network_config_[kWidth].get<int64_t>());
    }
    at::Tensor output;
    {
      const AutocastGuard autocast(config_.bf16);
      output = run_trained(config_, graph_, parameters, inputs).at(kUnetOutput).to(at::kFloat);
    }
    return consistency_output(task_.levels.clean_of(task_.type, output, z, t), z, t);
  }

  /// Mean absolute difference of the pictures that latents are of.
  at::Tensor picture_difference(const at::Tensor& output, const at::Tensor& target) const {
    const AutocastGuard autocast(config_.bf16);
    at::Tensor expected;
    {
      const at::NoGradGuard no_grad;
      expected = decoder_.decode(target).to(at::kFloat);
    }
    return (decoder_.decode(output).to(at::kFloat) - expected).abs().mean();
  }

  /// Real are the data's latents; both are noised to the batch's random timesteps.
  void add_critic_terms(const Batch& batch, const at::Tensor& output, const Parameters& critic,
                        Losses& losses) const {
    const AutocastGuard autocast(config_.bf16);
    const LatentCritic::View view = {batch.critic_noise, batch.t, batch.states};
    const auto verdicts = [&](const Parameters& heads, const at::Tensor& latents) {
      return critic_.verdicts(heads, latents, view, task_.levels);
    };
    losses.add("adversarial", config_.adversarial_weight,
               fooling_loss(verdicts(critic.detached(), output)));
    losses.critic = critic_loss(verdicts(critic, batch.clean), verdicts(critic, output.detach()));
    losses.terms["critic"] = losses.critic.detach();
  }

  const TrainConfig& config_;
  std::shared_ptr<const pipeline::Model> model_;
  DiffusionTask task_;
  formats::NetworkFiles student_;
  json network_config_;
  SolverGrid grid_;
  graph::Graph graph_, teacher_graph_;
  Parameters teacher_;
  PictureDecoder decoder_;  // of the image term
  LatentCritic critic_;     // of the adversarial term
};

}  // namespace

Result<std::unique_ptr<Objective>> make_lcm_objective(const TrainConfig& config,
                                                      std::shared_ptr<const pipeline::Model> model,
                                                      DiffusionTask task) {
  EF_TRY(const formats::ModelFolder folder, formats::open_diffusers_folder(config.student));
  const formats::NetworkFiles* student = folder.network("unet");
  if (student == nullptr) {
    return fail(ErrorCode::unsupported, config.student.string() + ": has no U-Net");
  }
  if (task.type == PredictionType::epsilon && !task.levels.has_signal_everywhere()) {
    return fail(ErrorCode::unsupported,
                model->folder().scheduler_origin +
                    ": the last timestep is noise alone, of which a teacher that tells noise "
                    "(epsilon) says nothing; expected v_prediction, or another schedule");
  }
  if (task.levels.steps() < config.solver_points) {
    return fail(ErrorCode::invalid_argument, "solver_points: more than the training steps");
  }
  return std::make_unique<LcmObjective>(config, std::move(model), std::move(task), *student);
}

}  // namespace edgefusion::train
