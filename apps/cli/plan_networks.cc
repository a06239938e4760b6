#include "cli/plan_networks.h"

#include <memory>
#include <string_view>
#include <utility>

#include "cli/default_model.h"
#include "core/json.h"
#include "engine/random_weights.h"
#include "graph/passes/passes.h"
#include "graph/split_by_inputs.h"
#include "models/builtin_configs.h"
#include "models/registry.h"
#include "models/unet.h"
#include "pipeline/exec_network.h"
#include "pipeline/model.h"

namespace edgefusion::cli {
namespace {

using models::NetworkRole;

constexpr int64_t kPixelsPerLatent = 8, kTokens = 77;
constexpr int kPaperSteps = 2;  // of EdgeFusion

/// Puts a bundle's schemes on the nodes they are of.
void add_quantization(graph::Graph& graph, const graph::NetworkQuantization& quantization) {
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(graph.nodes().size()); ++id) {
    graph::Node& node = graph.node(id);
    if (node.op == graph::OpKind::attention) {
      node.as<graph::AttentionAttrs>().scheme =
          quantization.attention(graph.value(node.output).name);
    }
    if (node.op != graph::OpKind::conv2d && node.op != graph::OpKind::linear) continue;
    const graph::LayerQuantization* found = quantization.layer(graph::layer_name(graph, node));
    if (found == nullptr || found->scheme == graph::Scheme::bf16) continue;
    graph::set_quantization(node, std::make_shared<const graph::LayerQuantization>(*found));
  }
}

/// Collects a model's networks; each is cut, made fast and given its schemes in one way.
class Networks {
 public:
  /// model: none of a public architecture.
  Networks(const PlanSource& source, const pipeline::Model* model)
      : source_(source), model_(model) {}

  Status add(NetworkRole role, graph::Graph graph, int64_t runs) {
    find_weights(role, graph);
    return add_part(role, std::string(models::to_string(role)), std::move(graph), runs);
  }

  /// passes: how often a step runs it (twice under guidance).
  Status add_unet(graph::Graph graph, int steps, int64_t passes) {
    find_weights(NetworkRole::unet, graph);
    graph::SplitGraph parts = graph::split_by_inputs(std::move(graph), models::unet_step_inputs());
    EF_TRY_STATUS(add_part(NetworkRole::unet, "unet_once", std::move(parts.once), passes));
    EF_TRY_STATUS(add_part(NetworkRole::unet, "unet_timestep", std::move(parts.timestep), steps));
    return add_part(NetworkRole::unet, "unet", std::move(parts.step), steps * passes);
  }

  std::vector<NetworkToPlan> take() { return std::move(all_); }

 private:
  /// graph: before weights are stacked.
  void find_weights(NetworkRole role, const graph::Graph& graph) {
    if (model_ != nullptr) {
      weights_ = model_->network(pipeline::folder_role(role)).weights;
    } else if (source_.needs_weights) {
      weights_ = std::make_shared<const engine::RandomWeights>(graph);
    }
  }

  Status add_part(NetworkRole role, std::string name, graph::Graph graph, int64_t runs) {
    graph::optimize(graph, {true, true, true, true});
    if (graph.outputs().empty()) return {};
    NetworkToPlan network{
        .name = std::move(name), .graph = std::move(graph), .runs = runs, .weights = weights_};
    if (source_.precision != "auto") {
      auto assumed = npu::parse_arithmetic(source_.precision);
      if (!assumed) return fail(std::move(assumed).error().with_context("--precision"));
      network.assumed = *assumed;
    } else if (model_ != nullptr && model_->is_quantized()) {
      const auto& quantization = model_->quantization();
      const auto found = quantization.find(pipeline::folder_role(role));
      if (found != quantization.end()) add_quantization(network.graph, found->second);
    } else if (role == NetworkRole::unet) {
      network.assumed = npu::Arithmetic::w8a16;
    }
    all_.push_back(std::move(network));
    return {};
  }

  const PlanSource& source_;
  const pipeline::Model* model_;
  std::shared_ptr<const TensorSource> weights_;  // of the network being added
  std::vector<NetworkToPlan> all_;
};

Result<ModelToPlan> from_model(const PlanSource& source) {
  const auto path = model_or_default(source.model);
  EF_TRY(const auto model, pipeline::Model::open(path));
  const pipeline::GenerationDefaults& defaults = model->defaults();
  ModelToPlan plan;
  plan.name =
      path.filename().empty() ? path.parent_path().filename().string() : path.filename().string();
  plan.size = source.size.value_or(PictureSize{defaults.width, defaults.height});
  plan.steps = source.steps > 0 ? source.steps : defaults.steps;
  const int64_t passes = defaults.guidance_scale > 1 ? 2 : 1;
  const int64_t scale = model->latent_space().pixels_per_latent;
  const int64_t height = plan.size.height / scale, width = plan.size.width / scale;
  Networks networks(source, model.get());
  EF_TRY(graph::Graph text, model->text_encoder_graph(source.batch, 0));
  EF_TRY_STATUS(networks.add(NetworkRole::text_encoder, std::move(text), passes));
  EF_TRY(graph::Graph unet, model->unet_graph(source.batch, height, width));
  EF_TRY_STATUS(networks.add_unet(std::move(unet), plan.steps, passes));
  EF_TRY(graph::Graph decoder, model->decoder_graph(source.batch, height, width));
  EF_TRY_STATUS(networks.add(NetworkRole::vae_decoder, std::move(decoder), 1));
  plan.networks = networks.take();
  return plan;
}

Result<graph::Graph> build(NetworkRole role, const std::string& config_name,
                           const PictureSize& size, int64_t batch) {
  EF_TRY(const std::string_view text, models::builtin_config(config_name));
  EF_TRY(const nlohmann::json config, parse_json(text, config_name));
  const models::NetworkSizes sizes = {.batch = batch,
                                      .height = size.height / kPixelsPerLatent,
                                      .width = size.width / kPixelsPerLatent,
                                      .tokens = kTokens};
  return models::build_network(config, config_name, {.role = role, .sizes = sizes, .options = {}},
                               nullptr);
}

Result<ModelToPlan> from_arch(const PlanSource& source) {
  ModelToPlan plan;
  plan.name = source.arch + "+" + source.decoder;
  plan.size = source.size.value_or(PictureSize{});
  plan.steps = source.steps > 0 ? source.steps : kPaperSteps;
  Networks networks(source, nullptr);
  EF_TRY(graph::Graph text,
         build(NetworkRole::text_encoder, "clip-vit-l-14", plan.size, source.batch));
  EF_TRY_STATUS(networks.add(NetworkRole::text_encoder, std::move(text), 1));
  EF_TRY(graph::Graph unet, build(NetworkRole::unet, source.arch, plan.size, source.batch));
  EF_TRY_STATUS(networks.add_unet(std::move(unet), plan.steps, 1));
  EF_TRY(graph::Graph decoder,
         build(NetworkRole::vae_decoder, source.decoder, plan.size, source.batch));
  EF_TRY_STATUS(networks.add(NetworkRole::vae_decoder, std::move(decoder), 1));
  plan.networks = networks.take();
  return plan;
}

}  // namespace

Result<ModelToPlan> model_to_plan(const PlanSource& source) {
  return source.arch.empty() ? from_model(source) : from_arch(source);
}

}  // namespace edgefusion::cli
