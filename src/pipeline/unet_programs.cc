#include "pipeline/unet_programs.h"

#include "graph/passes/passes.h"
#include "graph/split_by_inputs.h"
#include "models/unet.h"
#include "pipeline/compile_options.h"

namespace edgefusion::pipeline {
namespace {

Result<graph::SplitGraph> unet_parts(const Model& model, const ResolvedRequest& resolved) {
  const Shape& latents = resolved.latents;
  EF_TRY(graph::Graph graph, model.unet_graph(resolved.unet_batch(), latents[2], latents[3]));
  // Before the cut, after which keys and values no longer stand beside the attention they are for.
  if (engine::optional_passes(resolved.request.precision).merge_projections) {
    graph::merge_projections(graph);
  }
  return graph::split_by_inputs(std::move(graph), models::unet_step_inputs());
}

bool is_empty(const graph::Graph& graph) { return graph.outputs().empty(); }

}  // namespace

Result<UNetPrograms> compile_unet(const Model& model, const ResolvedRequest& resolved,
                                  const Runtime& runtime, const WeightPlaces& places) {
  EF_TRY(graph::SplitGraph parts, unet_parts(model, resolved));
  const TensorSource& weights = *model.network("unet").weights;
  engine::CompileOptions options = compile_options(model, resolved.request, "unet");
  options.regions = places.regions;
  // One part runs at a time, and the step has the largest weights: the others keep nothing.
  if (places.budget) options.resident_weight_bytes = 0;
  std::optional<engine::Program> once, timestep;
  if (!is_empty(parts.once)) {
    EF_TRY(once, engine::compile(std::move(parts.once), weights, options, runtime));
  }
  if (!is_empty(parts.timestep)) {
    EF_TRY(timestep, engine::compile(std::move(parts.timestep), weights, options, runtime));
  }
  options.resident_weight_bytes = places.budget;
  options.held_inputs = std::move(parts.constant_step_inputs);
  EF_TRY(engine::Program step, engine::compile(std::move(parts.step), weights, options, runtime));
  return UNetPrograms{std::move(once), std::move(timestep), std::move(step)};
}

Result<engine::MemoryForecast> forecast_unet(const Model& model, const ResolvedRequest& resolved,
                                             const Runtime& runtime) {
  EF_TRY(graph::SplitGraph parts, unet_parts(model, resolved));
  const TensorSource& weights = *model.network("unet").weights;
  engine::CompileOptions options = compile_options(model, resolved.request, "unet");
  engine::MemoryForecast total;
  for (graph::Graph* part : {&parts.once, &parts.timestep}) {
    if (is_empty(*part)) continue;
    EF_TRY(const auto forecast, engine::forecast(std::move(*part), &weights, options, runtime));
    total = total + forecast;
  }
  options.held_inputs = std::move(parts.constant_step_inputs);
  EF_TRY(const auto step, engine::forecast(std::move(parts.step), &weights, options, runtime));
  return total + step;
}

}  // namespace edgefusion::pipeline
