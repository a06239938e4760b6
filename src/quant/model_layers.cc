#include "quant/model_layers.h"

#include <utility>

#include "engine/program.h"
#include "graph/split_by_inputs.h"
#include "models/unet.h"

namespace edgefusion::quant {

Result<LayerList> model_layers(const pipeline::Model& model, const Shape& latents) {
  const engine::CompileOptions bf16 = {.precision = engine::Precision::bf16};
  LayerList list;
  EF_TRY(graph::Graph text, model.text_encoder_graph(1, 0));
  append_layers(engine::prepared(std::move(text), bf16), "text_encoder", list);
  EF_TRY(graph::Graph unet, model.unet_graph(1, latents[2], latents[3]));
  graph::merge_projections(unet);
  // What does not change from step to step is computed once, in floats: no choice there.
  graph::SplitGraph parts = graph::split_by_inputs(std::move(unet), models::unet_step_inputs());
  append_layers(engine::prepared(std::move(parts.step), bf16), "unet", list);
  EF_TRY(graph::Graph decoder, model.decoder_graph(1, latents[2], latents[3]));
  append_layers(engine::prepared(std::move(decoder), bf16), "vae", list);
  return list;
}

}  // namespace edgefusion::quant
