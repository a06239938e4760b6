#include "train/consistency.h"

#include <ATen/ATen.h>

#include <vector>

#include "core/result.h"
#include "diffusion/guidance.h"

namespace edgefusion::train {
namespace {

at::Tensor guided(const at::Tensor& with, const at::Tensor& without, const at::Tensor& w) {
  return with + w * (with - without);
}

}  // namespace

SolverGrid::SolverGrid(int64_t training_steps, int64_t points)
    : points_(points), stride_(training_steps / points) {
  EF_CHECK(points >= 1 && stride_ >= 1, "no more points than training steps");
}

at::Tensor SolverGrid::begin(const at::Tensor& index) const { return (index + 1) * stride_ - 1; }

at::Tensor SolverGrid::end(const at::Tensor& index) const {
  return (index * stride_ - 1).clamp_min(0);
}

at::Tensor consistency_output(const at::Tensor& clean, const at::Tensor& z, const at::Tensor& t,
                              const Boundary& boundary) {
  const at::Tensor scaled = spread(t.to(at::kFloat) * boundary.timestep_scaling, z.dim());
  const double data = boundary.sigma_data * boundary.sigma_data;
  const at::Tensor sum = scaled.square() + data;
  return data / sum * z + scaled / sum.sqrt() * clean;
}

TeacherView guided_view(const NoiseLevels& levels, PredictionType type,
                        const at::Tensor& conditional, const at::Tensor& unconditional,
                        const at::Tensor& z, const at::Tensor& t, const at::Tensor& w) {
  const at::Tensor scale = spread(w, z.dim());
  return {guided(levels.clean_of(type, conditional, z, t),
                 levels.clean_of(type, unconditional, z, t), scale),
          guided(levels.noise_of(type, conditional, z, t),
                 levels.noise_of(type, unconditional, z, t), scale)};
}

at::Tensor solver_step(const NoiseLevels& levels, const SolverGrid& grid, const TeacherView& view,
                       const at::Tensor& index) {
  // The first point's step ends at training step 0, as everything before it does.
  return levels.noised(view.clean, view.noise, grid.end(index));
}

at::Tensor guidance_embedding(const at::Tensor& w, int64_t width) {
  const at::Tensor rows = w.to(at::kCPU, at::kDouble);
  std::vector<at::Tensor> embedded;
  for (int64_t i = 0; i < rows.size(0); ++i) {
    const std::vector<float> row =
        diffusion::guidance_scale_embedding(rows[i].item<double>() + 1, static_cast<int>(width));
    embedded.push_back(at::tensor(at::ArrayRef<float>(row)));
  }
  return at::stack(embedded).to(w.device());
}

at::Tensor pseudo_huber(const at::Tensor& output, const at::Tensor& target, double c) {
  return ((output.to(at::kFloat) - target).square() + c * c).sqrt().mean() - c;
}

}  // namespace edgefusion::train
