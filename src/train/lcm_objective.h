#pragma once

#include "train/diffusion_objective.h"

namespace edgefusion::train {

/// Latent consistency distillation (Luo et al. 2023): the model's U-Net is the teacher, guided by a
/// random w and solved by DDIM; the student, whose architecture may be another one, learns to give
/// at one point of a path what its own average gives at the next. The trained model has the LCM
/// schedule, and is a LatentConsistencyModelPipeline if its U-Net embeds w.
/// Errors: those of the student's files; unsupported, where it does not fit the model.
Result<std::unique_ptr<Objective>> make_lcm_objective(const TrainConfig& config,
                                                      std::shared_ptr<const pipeline::Model> model,
                                                      DiffusionTask task);

}  // namespace edgefusion::train
