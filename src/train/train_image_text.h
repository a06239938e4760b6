#pragma once

#include "core/result.h"
#include "train/image_text_config.h"
#include "train/image_text_report.h"
#include "train/processes.h"
#include "train/run_config.h"
#include "train/train_callbacks.h"

namespace edgefusion::train {

struct ImageTextPlan {
  int64_t parameters = 0;        ///< of the image tower and both projections
  int64_t macs_per_picture = 0;  ///< of one forward pass of the tower
  StepCost step;
};
/// Errors: those of the config, of the text model and of the shards; resource_exhausted, for a step
/// that needs more memory than is free.
Result<ImageTextPlan> plan_image_text(const ImageTextConfig& config);

/// Trains an image tower beside a frozen text encoder to bring pictures and their captions
/// together, in a run as train_loop.h has it. A checkpoint is a folder that `eval` opens: the
/// network's weights and config, and the folders text_encoder and tokenizer. Each of several
/// processes tells pictures apart within its own batches only. At the end the report is also
/// written to `out`/report.json; only the first process makes one. Errors: those of the plan and
/// of run_training.
Result<ImageTextReport> train_image_text(const ImageTextConfig& config, bool resume,
                                         Processes& processes, const TrainCallbacks& callbacks);

}  // namespace edgefusion::train
