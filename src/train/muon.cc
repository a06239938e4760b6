#include "train/muon.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "train/tensors.h"

namespace edgefusion::train {
namespace {

/// Of the odd polynomial a s + b s^3 + c s^5 that is applied to the singular values: steep at 0,
/// not quite at rest at 1 (Jordan et al. 2024).
constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
constexpr int kIterations = 5;

/// [outputs, everything else]
at::Tensor as_matrix(const at::Tensor& weight) { return weight.flatten(1); }

/// RMS of AdamW's steps, which an orthogonal matrix of that size is scaled to.
double step_scale(const at::Tensor& matrix) {
  return 0.2 * std::sqrt(static_cast<double>(std::max(matrix.size(0), matrix.size(1))));
}

}  // namespace

bool muon_steps(const std::string& name, const at::Tensor& parameter) {
  if (parameter.dim() < 2) return false;
  constexpr std::array kOthers = {"embedding", "conv_in", "conv_out"};
  return std::ranges::none_of(
      kOthers, [&](const char* part) { return name.find(part) != std::string::npos; });
}

at::Tensor orthogonalized(const at::Tensor& matrices) {
  const bool tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = matrices.to(at::kBFloat16);
  if (tall) x = x.transpose(1, 2);
  x = x / x.norm(2, {1, 2}, true).clamp_min(1e-7);
  for (int i = 0; i < kIterations; ++i) {
    const at::Tensor gram = x.bmm(x.transpose(1, 2));
    x = at::baddbmm(x, at::baddbmm(gram, gram, gram, kB, kC), x, kA);
  }
  return tall ? x.transpose(1, 2) : x;
}

void Muon::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  // Matrices of one shape go together: most are too small to keep a processor busy alone.
  std::map<std::vector<int64_t>, std::vector<std::pair<at::Tensor, at::Tensor>>> by_shape;
  for (const auto& [name, parameter] : parameters_) {
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    at::Tensor& momentum = momentum_[name];
    if (!momentum.defined()) momentum = at::zeros_like(gradient);
    momentum.lerp_(gradient, 1 - options_.momentum);
    const at::Tensor matrix = as_matrix(parameter);
    by_shape[matrix.sizes().vec()].emplace_back(
        parameter, as_matrix(gradient.lerp(momentum, options_.momentum)));
  }
  for (const auto& [shape, group] : by_shape) {
    std::vector<at::Tensor> updates;
    for (const auto& [parameter, update] : group) updates.push_back(update);
    const at::Tensor steps = orthogonalized(at::stack(updates));
    for (size_t i = 0; i < group.size(); ++i) {
      at::Tensor parameter = group[i].first;
      const at::Tensor step = steps[static_cast<int64_t>(i)];
      parameter.mul_(1 - learning_rate * options_.weight_decay);
      parameter.add_(step.reshape(parameter.sizes()).to(parameter.dtype()),
                     -learning_rate * step_scale(step));
    }
  }
}

std::map<std::string, at::Tensor> Muon::state() const {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, momentum] : momentum_) tensors["momentum_buffer." + name] = momentum;
  return tensors;
}

Status Muon::restore(const std::map<std::string, at::Tensor>& state, const std::string& origin) {
  momentum_.clear();
  for (const auto& [name, parameter] : parameters_) {
    const auto found = state.find("momentum_buffer." + name);
    if (found == state.end()) continue;  // it never had a gradient
    if (found->second.sizes() != parameter.sizes()) {
      return fail(ErrorCode::bad_file, origin + ": " + found->first + ": shape " +
                                           shape_of(found->second).to_string() +
                                           ", expected shape " + shape_of(parameter).to_string());
    }
    momentum_[name] = found->second.to(parameter.device(), at::kFloat, false, true);
  }
  return {};
}

}  // namespace edgefusion::train
