#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/result.h"

namespace edgefusion {
class ConfigFields;
}

namespace edgefusion::train {

/// What every task of `train` reads: the optimiser's fields and the run's.
struct RunConfig {
  // The optimiser
  int64_t steps = 1000;
  int64_t batch = 16;
  int64_t accumulate = 1;           ///< batches summed up for one step
  std::string optimizer = "adamw";  ///< or "muon", for the matrices
  double learning_rate = 1e-4;
  int64_t warmup_steps = 0;
  std::string schedule = "constant";  ///< or "cosine", down to zero at the last step
  double weight_decay = 1e-2;
  double clip_norm = 1.0;
  double ema_decay = 0.999;     ///< 0: none
  bool bf16 = false;            ///< products in bf16, weights and sums in f32
  std::string device = "auto";  ///< "cpu", "cuda", or "auto": a GPU if there is one
  std::string place = "cpu";    ///< what was chosen of them (choose_device): "cuda:1"
  uint64_t seed = 0;

  // The run
  std::filesystem::path out;    ///< checkpoints and metrics
  std::filesystem::path cache;  ///< what is encoded once; several runs may have one
  int64_t log_every = 10;
  int64_t checkpoint_every = 500;
  int64_t process_timeout_s = 300;  ///< longest wait for another process (see processes.h)

  nlohmann::json written;  ///< the file's own object, kept with checkpoints
};

/// One optimiser step, as measured.
struct StepCost {
  double seconds = 0;
  int64_t bytes = 0;  ///< of memory at the fullest: weights, gradients, states, inner values
};

/// Where a process computes that is number `local_rank` on its machine, for a config's `device`.
/// Errors: unsupported, where there is no GPU for it.
Result<std::string> choose_device(const std::string& word, int64_t local_rank);

/// Fields of a run that is taken up which are not those of the run that left off, and change what
/// is learned: "batch: 16, 8 before". Paths count by their last part, as folders may be moved.
std::vector<std::string> changed_fields(const nlohmann::json& before, const nlohmann::json& now);

/// A number that two configs have in common only if what is learned by them is the same, paths by
/// their last part.
uint64_t fingerprint(const nlohmann::json& written);

/// Reads these fields; the defaults are what `config` has.
void read_run_fields(ConfigFields& fields, RunConfig& config);

}  // namespace edgefusion::train
