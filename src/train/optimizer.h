#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "train/parameters.h"
#include "train/run_config.h"

namespace edgefusion::train {

/// AdamW (Loshchilov and Hutter 2019), PyTorch's arithmetic and defaults.
struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;  ///< of all parameters, as in PyTorch
};

struct OptimizerOptions {
  AdamWOptions adamw;
  bool muon = false;  ///< matrices are stepped by Muon (muon.h), with the same rate and decay
};

/// What a config asks for.
OptimizerOptions optimizer_options(const RunConfig& config);

class Optimizer {
 public:
  /// Steps these very tensors.
  Optimizer(const Parameters& parameters, const OptimizerOptions& options);
  ~Optimizer();
  Optimizer(Optimizer&&) noexcept;
  Optimizer& operator=(Optimizer&&) noexcept;

  /// Takes the gradients that have been summed up, scales them down where their length over all
  /// parameters exceeds max_norm (0: never), changes the parameters and clears the gradients.
  /// Returns the length before. A length that is no number changes nothing but the gradients.
  double step(double learning_rate, double max_norm);

  /// What a later run needs to go on as if it had not stopped: "exp_avg.<parameter>",
  /// "exp_avg_sq.<parameter>" and "step.<parameter>" (i64) of AdamW, Muon's "momentum_buffer.
  /// <parameter>". Empty before the first step.
  std::map<std::string, at::Tensor> state() const;
  /// The opposite. Errors: bad_file with the name of a tensor that is missing or misshapen.
  Status restore(const std::map<std::string, at::Tensor>& state, const std::string& origin);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace edgefusion::train
