#pragma once

#include "core/result.h"
#include "train/processes.h"
#include "train/text_config.h"
#include "train/text_report.h"
#include "train/train_callbacks.h"

namespace edgefusion::train {

/// What a run would be, before anything is trained.
struct TextPlan {
  int64_t parameters = 0, teacher_parameters = 0;
  int64_t macs_per_text = 0;  ///< of one forward pass of the student, at max_tokens
  StepCost step;
};
/// Errors: those of the config's files; resource_exhausted, for a step that needs more memory than
/// is free.
Result<TextPlan> plan_text(const TextConfig& config);

/// Trains a compact text encoder with a vocabulary of its own to give the states of a teacher. A
/// checkpoint has the folders text_encoder and tokenizer, which can stand for those of a pipeline
/// that has the teacher. The vocabulary is learnt once and kept in `out`/tokenizer; the report is
/// also written to `out`/report.json. Errors: those of the plan and of run_training.
/// Only the first of several processes makes a report.
Result<TextReport> train_text(const TextConfig& config, bool resume, Processes& processes,
                              const TrainCallbacks& callbacks);

}  // namespace edgefusion::train
