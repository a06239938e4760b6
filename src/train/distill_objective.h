#pragma once

#include "train/diffusion_objective.h"

namespace edgefusion::train {

/// BK-SDM (Kim et al. 2023): a student made of the teacher's blocks learns the task, the teacher's
/// output, and the teacher's features stage by stage.
/// Errors: unsupported, where the teacher has too few blocks.
Result<std::unique_ptr<Objective>> make_distill_objective(
    const TrainConfig& config, std::shared_ptr<const pipeline::Model> model, DiffusionTask task);

}  // namespace edgefusion::train
