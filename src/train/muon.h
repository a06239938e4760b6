#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "core/result.h"

namespace edgefusion::train {

/// Is stepped by Muon: the weight of a convolution or a linear layer within the network. The first
/// and the last layer, tables of embeddings and all vectors are not: their rows are no directions
/// that should weigh alike.
bool muon_steps(const std::string& name, const at::Tensor& parameter);

/// Nearly the nearest matrix with orthonormal rows (or columns, if there are fewer): five
/// Newton-Schulz steps in bf16 bring all singular values to between about 0.7 and 1.2.
/// matrices: [N,rows,columns], each by itself; all zeros stay zeros.
at::Tensor orthogonalized(const at::Tensor& matrices);

/// Muon (Jordan et al. 2024): the momentum of a weight, seen as a matrix [outputs, everything
/// else], steps along its nearest orthogonal matrix. Scaled to steps as long as those of AdamW (Liu
/// et al. 2025, arXiv 2502.16982), so both take the same rate and decay. PyTorch's arithmetic.
class Muon {
 public:
  struct Options {
    double momentum = 0.95;  ///< Nesterov's
    double weight_decay = 1e-2;
  };
  using Named = std::pair<std::string, at::Tensor>;

  Muon(std::vector<Named> parameters, const Options& options)
      : parameters_(std::move(parameters)), options_(options) {}

  /// Steps those that have a gradient.
  void step(double learning_rate);
  /// "momentum_buffer.<parameter>", of those that have been stepped.
  std::map<std::string, at::Tensor> state() const;
  /// Errors: bad_file with the name of a tensor that is misshapen.
  Status restore(const std::map<std::string, at::Tensor>& state, const std::string& origin);

 private:
  std::vector<Named> parameters_;
  Options options_;
  std::map<std::string, at::Tensor> momentum_;
};

}  // namespace edgefusion::train
