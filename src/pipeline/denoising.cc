#include "pipeline/denoising.h"

#include <algorithm>
#include <cmath>

#include "core/trace.h"
#include "diffusion/guidance.h"

namespace edgefusion::pipeline {
namespace {

/// Row r of the result is row r / copies of x: each prompt's states for every picture of the batch.
Tensor repeat_rows(const Tensor& x, int64_t copies) {
  Shape shape = x.shape();
  const int64_t rows = shape[0];
  const auto row = static_cast<size_t>(x.elements() / rows);
  shape.set(0, rows * copies);
  Tensor result(shape, DType::f32);
  const auto src = x.values<float>();
  auto dst = result.values<float>();
  for (size_t r = 0; r < static_cast<size_t>(rows * copies); ++r) {
    const size_t from = r / static_cast<size_t>(copies);
    std::ranges::copy(src.subspan(from * row, row), dst.subspan(r * row, row).begin());
  }
  return result;
}

Tensor guidance_rows(const Model& model, const ResolvedRequest& resolved) {
  const int64_t width = model.unet().time_cond_width;
  const auto embedding =
      diffusion::guidance_scale_embedding(resolved.guidance_scale, static_cast<int>(width));
  return repeat_rows(Tensor::from_f32(Shape{1, width}, embedding), resolved.unet_batch());
}

}  // namespace

Denoising::Denoising(const Model& model, const ResolvedRequest& resolved, UNetPrograms unet,
                     const Tensor& text_states, bool keeps_parts)
    : model_(model), resolved_(resolved), unet_(std::move(unet)), keeps_parts_(keeps_parts) {
  restart(text_states);
}

void Denoising::restart(const Tensor& text_states) {
  begun_ = false;
  values_.clear();
  if (model_.unet().context_width() != 0) {
    values_["encoder_hidden_states"] = repeat_rows(text_states, resolved_.request.batch);
  }
  if (model_.unet().time_cond_width != 0) {
    values_["timestep_cond"] = guidance_rows(model_, resolved_);
  }
}

Status Denoising::begin(ThreadPool& pool) {
  if (begun_) return {};
  if (unet_.once) EF_TRY_STATUS(run_part(*unet_.once, values_, pool));
  if (!keeps_parts_) unet_.once.reset();
  const TraceScope span(pool.trace(), SpanKind::host, "values that do not change");
  EF_TRY_STATUS(hold_inputs(unet_.step, values_));
  const auto taken_each_step = [&](const std::string& name) {
    const auto takes = [&](const engine::Program& part) {
      return std::ranges::count(part.inputs(), name, &engine::TensorInfo::name) != 0;
    };
    return takes(unet_.step) || (unet_.timestep && takes(*unet_.timestep));
  };
  std::erase_if(values_, [&](const auto& entry) { return !taken_each_step(entry.first); });
  begun_ = true;
  return {};
}

Tensor Denoising::sample_of(std::span<const float> model_input) const {
  const ConstTensorView latents = {reinterpret_cast<const std::byte*>(model_input.data()),
                                   resolved_.latents, DType::f32};
  const Tensor sample = nchw_to_nhwc(latents);
  Shape batch_shape = sample.shape();
  batch_shape.set(0, resolved_.unet_batch());
  Tensor batch(batch_shape, DType::f32);
  const auto src = sample.values<float>();
  for (int64_t prompt = 0; prompt < resolved_.prompts(); ++prompt) {
    const size_t offset = static_cast<size_t>(prompt) * src.size();
    std::ranges::copy(src, batch.values<float>().subspan(offset).begin());
  }
  return batch;
}

Status Denoising::run(std::span<const float> model_input, float timestep, ThreadPool& pool,
                      std::span<float> model_output) {
  const TraceScope iteration(pool.trace(), SpanKind::iteration, "denoising step");
  EF_TRY_STATUS(begin(pool));
  Tensor timesteps(Shape{resolved_.unet_batch()}, DType::f32);
  std::ranges::fill(timesteps.values<float>(), timestep);
  values_["timestep"] = std::move(timesteps);
  if (unet_.timestep) EF_TRY_STATUS(run_part(*unet_.timestep, values_, pool));
  {
    const TraceScope span(pool.trace(), SpanKind::host, "latents to channels last");
    values_["sample"] = sample_of(model_input);
  }
  EF_TRY_STATUS(run_part(unet_.step, values_, pool));
  const TraceScope span(pool.trace(), SpanKind::host, "guidance and checks");
  const Tensor output = nhwc_to_nchw(values_.at("out_sample").view());
  const auto values = output.values<float>();
  EF_TRY_STATUS(check_finite(values, "unet: timestep " + std::to_string(timestep)));
  if (resolved_.guided) {
    diffusion::guide(values.first(model_output.size()), values.last(model_output.size()),
                     resolved_.guidance_scale, model_output);
  } else {
    std::ranges::copy(values, model_output.begin());
  }
  return {};
}

Status check_finite(std::span<const float> values, const std::string& what) {
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return {};
  return fail(ErrorCode::bad_file,
              what + ": the network gave " + std::to_string(*bad) +
                  ", expected finite numbers (damaged or overflowing weights)");
}

}  // namespace edgefusion::pipeline
