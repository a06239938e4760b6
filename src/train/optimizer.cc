#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <torch/optim/adamw.h>

#include <cmath>

#include "train/muon.h"
#include "train/tensors.h"

namespace edgefusion::train {

using State = torch::optim::AdamWParamState;

namespace {

torch::optim::AdamWOptions torch_options(const AdamWOptions& options) {
  return torch::optim::AdamWOptions(0.0)
      .betas({options.beta1, options.beta2})
      .eps(options.eps)
      .weight_decay(options.weight_decay);
}

/// Those that Muon steps, or the others.
std::vector<Muon::Named> share(const Parameters& parameters, const OptimizerOptions& options,
                               bool of_muon) {
  std::vector<Muon::Named> chosen;
  for (const auto& [name, parameter] : parameters.all()) {
    if ((options.muon && muon_steps(name, parameter)) == of_muon)
      chosen.emplace_back(name, parameter);
  }
  return chosen;
}

std::vector<at::Tensor> tensors_of(const std::vector<Muon::Named>& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : named) tensors.push_back(tensor);
  return tensors;
}

}  // namespace

OptimizerOptions optimizer_options(const RunConfig& config) {
  return {.adamw = {.weight_decay = config.weight_decay}, .muon = config.optimizer == "muon"};
}

struct Optimizer::Implementation {
  Parameters parameters;
  torch::optim::AdamW adamw;
  Muon muon;

  Implementation(const Parameters& parameters_in, const OptimizerOptions& options)
      : parameters(parameters_in),
        adamw(tensors_of(share(parameters_in, options, false)), torch_options(options.adamw)),
        muon(share(parameters_in, options, true), {.weight_decay = options.adamw.weight_decay}) {}

  /// Length of all gradients, in one number on the device.
  at::Tensor gradient_length() const {
    std::vector<at::Tensor> squares;
    for (const auto& [name, parameter] : parameters.all()) {
      if (parameter.grad().defined()) squares.push_back(parameter.grad().norm());
    }
    return squares.empty() ? at::zeros({}) : at::stack(squares).norm();
  }

  void scale_gradients(double factor) const {
    for (const auto& [name, parameter] : parameters.all()) {
      if (parameter.grad().defined()) parameter.mutable_grad().mul_(factor);
    }
  }

  void clear_gradients() const {
    for (const auto& [name, parameter] : parameters.all()) parameter.mutable_grad().reset();
  }
};

Optimizer::Optimizer(const Parameters& parameters, const OptimizerOptions& options)
    : implementation_(std::make_unique<Implementation>(parameters, options)) {}
Optimizer::~Optimizer() = default;
Optimizer::Optimizer(Optimizer&&) noexcept = default;
Optimizer& Optimizer::operator=(Optimizer&&) noexcept = default;

double Optimizer::step(double learning_rate, double max_norm) {
  Implementation& self = *implementation_;
  const at::NoGradGuard no_grad;
  const double length = self.gradient_length().item<double>();
  if (std::isfinite(length)) {
    if (max_norm > 0 && length > max_norm) self.scale_gradients(max_norm / (length + 1e-6));
    for (auto& group : self.adamw.param_groups()) group.options().set_lr(learning_rate);
    self.adamw.step();
    self.muon.step(learning_rate);
  }
  self.clear_gradients();
  return length;
}

std::map<std::string, at::Tensor> Optimizer::state() const {
  std::map<std::string, at::Tensor> tensors = implementation_->muon.state();
  auto& states = implementation_->adamw.state();
  for (const auto& [name, parameter] : implementation_->parameters.all()) {
    const auto found = states.find(parameter.unsafeGetTensorImpl());
    if (found == states.end()) continue;
    const auto& state = static_cast<const State&>(*found->second);
    tensors["exp_avg." + name] = state.exp_avg();
    tensors["exp_avg_sq." + name] = state.exp_avg_sq();
    tensors["step." + name] = at::full({}, state.step(), at::kLong);
  }
  return tensors;
}

Status Optimizer::restore(const std::map<std::string, at::Tensor>& state,
                          const std::string& origin) {
  Implementation& self = *implementation_;
  EF_TRY_STATUS(self.muon.restore(state, origin));
  self.adamw.state().clear();
  for (const auto& [name, parameter] : self.parameters.all()) {
    const auto step = state.find("step." + name);
    if (step == state.end()) continue;  // Muon's, or it never had a gradient
    auto restored = std::make_unique<State>();
    restored->step(step->second.item<int64_t>());
    for (const std::string kind : {"exp_avg", "exp_avg_sq"}) {
      const auto found = state.find(kind + "." + name);
      if (found == state.end() || found->second.sizes() != parameter.sizes()) {
        return fail(ErrorCode::bad_file,
                    origin + ": " + kind + "." + name + ": " +
                        (found == state.end() ? "missing"
                                              : "shape " + shape_of(found->second).to_string()) +
                        ", expected shape " + shape_of(parameter).to_string());
      }
      const at::Tensor copy = found->second.to(parameter.device(), at::kFloat, false, true);
      kind == "exp_avg" ? restored->exp_avg(copy) : restored->exp_avg_sq(copy);
    }
    self.adamw.state()[parameter.unsafeGetTensorImpl()] = std::move(restored);
  }
  return {};
}

}  // namespace edgefusion::train
