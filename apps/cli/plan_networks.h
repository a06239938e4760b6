#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/picture_size.h"
#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "npu/device.h"

namespace edgefusion::cli {

/// Of what a plan is made: a model's files, or the shapes of a public architecture alone.
struct PlanSource {
  std::string model;                    ///< folder or bundle; empty: the default model
  std::string arch, decoder = "taesd";  ///< builtin configs, instead of a model if `arch` is given
  std::optional<PictureSize> size;      ///< nothing: the model's
  int steps = 0;                        ///< 0: the model's
  int64_t batch = 1;                    ///< pictures, or passes under guidance, at a time
  /// "auto": what a quantised bundle's layers say; of floats 8-bit weights in the U-Net and f16
  /// elsewhere. Else an arithmetic for all layers, whatever the bundle says.
  std::string precision = "auto";
  bool needs_weights = false;  ///< a public architecture gets random ones
};

struct NetworkToPlan {
  std::string name;  ///< "unet_once", "unet_timestep": the parts that not each step runs
  graph::Graph graph;
  int64_t runs = 1;  ///< for one picture
  npu::Arithmetic assumed = npu::Arithmetic::f16;
  std::shared_ptr<const TensorSource> weights;  ///< may be none of a public architecture
};

struct ModelToPlan {
  std::string name;
  PictureSize size;
  int steps = 1;
  std::vector<NetworkToPlan> networks;
};

/// The networks as the engine would run them, all passes done, with the schemes of their
/// layers. Errors: those of opening a model and building networks; unknown names.
Result<ModelToPlan> model_to_plan(const PlanSource& source);

}  // namespace edgefusion::cli
