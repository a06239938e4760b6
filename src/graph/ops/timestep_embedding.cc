#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/shape_rules.h"

// Sinusoids of a timestep (Vaswani et al. 2017, sec. 3.5; diffusers get_timestep_embedding).
// Frequencies and angles are rounded to f32 on the way, as there: with timesteps of 1000 and more
// an angle in double would differ from the trained one by 1e-4.

namespace edgefusion::graph {
namespace {

constexpr float kLogMaxPeriod = 9.210340371976184f;  // ln 10000

Result<Value> infer(const Attrs& any, InputValues inputs) {
  const auto& attrs = std::get<TimestepEmbeddingAttrs>(any);
  const Value& t = required(inputs, 0);
  EF_TRY_STATUS(check_float(t, "t", 1));
  const auto half = static_cast<float>(attrs.dim / 2);
  // Negated so that NaN is refused too.
  if (attrs.dim < 2 || !(half - attrs.freq_shift > 0) || !std::isfinite(attrs.freq_shift)) {
    return refuse("width " + std::to_string(attrs.dim) + " with frequency shift " +
                  float_text(attrs.freq_shift));
  }
  return make_output(Shape{t.shape[0], attrs.dim});
}

void evaluate(const Attrs& any, std::span<const ConstTensorView> inputs, TensorView output) {
  const auto& attrs = std::get<TimestepEmbeddingAttrs>(any);
  const int64_t half = attrs.dim / 2;
  const int64_t sine_at = attrs.flip_sin_to_cos ? half : 0;
  const int64_t cosine_at = half - sine_at;
  const float steps = static_cast<float>(half) - attrs.freq_shift;
  for (int64_t n = 0; n < output.shape[0]; ++n) {
    const float t = inputs[0].as<float>()[n];
    float* y = output.as<float>() + n * attrs.dim;
    for (int64_t i = 0; i < half; ++i) {
      const float frequency = std::exp(-kLogMaxPeriod * static_cast<float>(i) / steps);
      const auto angle = static_cast<double>(t * frequency);
      y[sine_at + i] = static_cast<float>(std::sin(angle));
      y[cosine_at + i] = static_cast<float>(std::cos(angle));
    }
    if (attrs.dim % 2 != 0) y[attrs.dim - 1] = 0.0f;
  }
}

std::string describe(const Attrs& any) {
  const auto& attrs = std::get<TimestepEmbeddingAttrs>(any);
  return "dim=" + std::to_string(attrs.dim) + (attrs.flip_sin_to_cos ? " cos,sin" : " sin,cos") +
         " freq_shift=" + float_text(attrs.freq_shift);
}

}  // namespace

OpInfo timestep_embedding_op() {
  return {OpKind::timestep_embedding, "timestep_embedding", infer, no_macs, evaluate, describe};
}

}  // namespace edgefusion::graph
