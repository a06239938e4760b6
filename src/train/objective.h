#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/model.h"
#include "train/batch_source.h"
#include "train/block_removal.h"
#include "train/losses.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// The network to be trained, and what its output is judged by.
class Objective {
 public:
  virtual ~Objective() = default;
  /// config.json of the network.
  virtual const nlohmann::json& network_config() const = 0;
  /// The network for a batch. Errors: those of its config and weights.
  virtual Result<graph::Graph> graph(int64_t batch, int64_t height, int64_t width) const = 0;
  /// Its tensors at the beginning.
  virtual Parameters first_parameters(const graph::Graph& graph) const = 0;
  /// To be called once, with the sizes of all later batches, which are on the config's device,
  /// before first_critic() and losses().
  virtual Status prepare(int64_t batch, int64_t height, int64_t width) = 0;
  /// losses() looks at the average.
  virtual bool needs_average() const { return false; }
  /// What it has a critic for begins as these.
  virtual std::optional<Parameters> first_critic() const { return std::nullopt; }
  virtual Losses losses(const Batch& batch, const Networks& networks) const = 0;
  /// JSON files of the model's folder that are other ones for the trained model, by relative path.
  virtual std::map<std::string, nlohmann::json> changed_files() const { return {}; }
};

/// The noise of a model's schedule, and what its U-Net predicts.
struct DiffusionTask {
  PredictionType type;
  NoiseLevels levels;
};
Result<DiffusionTask> diffusion_task(const pipeline::Model& model);

/// The objective that the config asks for (train_config.h). Errors: those of the files it names.
Result<std::unique_ptr<Objective>> make_objective(const TrainConfig& config,
                                                  std::shared_ptr<const pipeline::Model> model);

}  // namespace edgefusion::train
