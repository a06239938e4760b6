#include "train/image_text_network.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <utility>

#include "formats/diffusers_folder.h"
#include "graph/op_table.h"
#include "models/image_tower.h"
#include "train/autocast.h"
#include "train/contrastive_loss.h"
#include "train/run_graph.h"
#include "train/sample_order.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

constexpr double kLargestScale = 100;

/// The two tensors beside the tower, from a weight file. Errors: bad_file.
Status add_others(const models::ImageTowerConfig& config, const TensorSource& weights,
                  Parameters& parameters) {
  for (const auto& [name, shape] :
       {std::pair{models::kTextProjection, Shape{config.embedding_width, config.text_width}},
        std::pair{models::kLogitScale, Shape{1}}}) {
    const ConstTensorView* found = weights.find(name);
    if (found == nullptr || found->shape != shape) {
      return fail(ErrorCode::bad_file,
                  weights.origin() + ": " + name + ": " +
                      (found ? "shape " + found->shape.to_string() : "missing") +
                      ", expected shape " + shape.to_string());
    }
    parameters.add(name, to_torch(to_f32(*found).view()));
  }
  return {};
}

}  // namespace

Result<ImageTextNetwork> ImageTextNetwork::make(const nlohmann::json& config,
                                                const std::string& origin, int64_t most) {
  EF_TRY(models::ImageTowerConfig parsed, models::parse_image_tower_config(config, origin));
  EF_TRY_STATUS(models::build_image_tower(parsed, most, nullptr));
  return ImageTextNetwork(std::move(parsed));
}

graph::Graph ImageTextNetwork::tower(int64_t batch) const {
  auto built = models::build_image_tower(config_, batch, nullptr);
  EF_CHECK(built.has_value(), "a checked config builds");
  return std::move(*built);
}

Parameters ImageTextNetwork::first_parameters(uint64_t seed, double temperature) const {
  Parameters parameters =
      Parameters::initialize(tower(1), mixed_seed(seed, Purpose::first_weights, 0));
  at::Generator random =
      at::detail::createCPUGenerator(mixed_seed(seed, Purpose::first_weights, 1));
  const double bound = 1.0 / std::sqrt(static_cast<double>(config_.text_width));
  parameters.add(
      models::kTextProjection,
      at::empty({config_.embedding_width, config_.text_width}).uniform_(-bound, bound, random));
  parameters.add(models::kLogitScale, at::full({1}, std::log(1.0 / temperature)));
  return parameters;
}

Result<Parameters> ImageTextNetwork::load(const std::filesystem::path& folder) const {
  EF_TRY(const auto weights, formats::open_network_weights(folder));
  EF_TRY(const graph::Graph graph, models::build_image_tower(config_, 1, weights.get()));
  Parameters parameters = Parameters::load(graph, *weights);
  EF_TRY_STATUS(add_others(config_, *weights, parameters));
  return parameters;
}

at::Tensor ImageTextNetwork::embed_pictures(const Parameters& parameters,
                                            const at::Tensor& pictures, bool bf16) {
  const int64_t batch = pictures.size(0);
  auto found = graphs_.find(batch);
  if (found == graphs_.end()) found = graphs_.emplace(batch, tower(batch)).first;
  const AutocastGuard autocast(bf16);
  const NamedTensors outputs = run_graph(found->second, parameters, {{"image", pictures}});
  return unit_rows(outputs.at("image_embeds").to(at::kFloat));
}

at::Tensor ImageTextNetwork::embed_texts(const Parameters& parameters, const at::Tensor& vectors) {
  return unit_rows(unit_rows(vectors).mm(parameters.at(models::kTextProjection).t()));
}

at::Tensor ImageTextNetwork::scale(const Parameters& parameters) {
  return parameters.at(models::kLogitScale).clamp_max(std::log(kLargestScale)).exp();
}

int64_t ImageTextNetwork::macs_per_picture() const { return graph::graph_cost(tower(1)).macs; }

}  // namespace edgefusion::train
