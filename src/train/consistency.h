#pragma once

#include "train/noise_levels.h"

// Latent consistency distillation (Luo et al. 2023, arXiv 2310.04378): the student's output at a
// noisy point of the teacher's path should equal what an average of the student gives one solver
// step further down that path.

namespace edgefusion::train {

/// The points of the solver: of 1000 training steps and 50 points 19, 39, ..., 999.
class SolverGrid {
 public:
  SolverGrid(int64_t training_steps, int64_t points);

  int64_t points() const { return points_; }
  int64_t stride() const { return stride_; }
  /// Where a step begins, and where it ends (0 for the last one down). index: [N] i64 in
  /// [0, points).
  at::Tensor begin(const at::Tensor& index) const;
  at::Tensor end(const at::Tensor& index) const;

 private:
  int64_t points_, stride_;
};

struct Boundary {
  double sigma_data = 0.5;
  double timestep_scaling = 10.0;
};

/// f(z, t) = c_skip(t) z + c_out(t) clean, [N,...]; equal to z at t = 0.
at::Tensor consistency_output(const at::Tensor& clean, const at::Tensor& z, const at::Tensor& t,
                              const Boundary& boundary = {});

/// What the teacher says of the clean sample and of the noise, each guided:
/// conditional + w (conditional - unconditional), w [N].
struct TeacherView {
  at::Tensor clean, noise;
};
TeacherView guided_view(const NoiseLevels& levels, PredictionType type,
                        const at::Tensor& conditional, const at::Tensor& unconditional,
                        const at::Tensor& z, const at::Tensor& t, const at::Tensor& w);

/// One DDIM step of the teacher from grid point `index` down.
at::Tensor solver_step(const NoiseLevels& levels, const SolverGrid& grid, const TeacherView& view,
                       const at::Tensor& index);

/// What a network with a w embedding is given for w [N]: [N,width] sinusoids of 1000 w, sines first
/// (diffusion::guidance_scale_embedding, which takes w + 1).
at::Tensor guidance_embedding(const at::Tensor& w, int64_t width);

/// Mean of sqrt(d^2 + c^2) - c.
at::Tensor pseudo_huber(const at::Tensor& output, const at::Tensor& target, double c = 0.001);

}  // namespace edgefusion::train
