#include "train/text_states.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "train/run_graph.h"

namespace edgefusion::train {

Result<TextStates> TextStates::open(std::shared_ptr<const pipeline::Model> model,
                                    at::Device device) {
  TextStates states;
  states.model_ = std::move(model);
  states.device_ = device;
  EF_TRY(const graph::Graph* graph, states.graph_of(1));
  const TensorSource& weights = *states.model_->network("text_encoder").weights;
  states.parameters_ = Parameters::load(*graph, weights).to(device).frozen();
  return states;
}

Result<const graph::Graph*> TextStates::graph_of(int64_t batch) {
  auto found = graphs_.find(batch);
  if (found == graphs_.end()) {
    EF_TRY(graph::Graph graph, model_->text_encoder_graph(batch, 0));
    found = graphs_.emplace(batch, std::move(graph)).first;
  }
  return &found->second;
}

Result<at::Tensor> TextStates::of(std::span<const std::string> captions) {
  const auto batch = static_cast<int64_t>(captions.size());
  const int64_t tokens = model_->text_tokens();
  EF_TRY(const graph::Graph* graph, graph_of(batch));
  at::Tensor ids = at::empty({batch, tokens}, at::kInt);
  int32_t* row = ids.data_ptr<int32_t>();
  for (const std::string& caption : captions) {
    EF_TRY(const std::vector<int32_t> all, model_->tokenizer().encode(caption));
    const text::FittedIds fitted = model_->tokenizer().pad_or_truncate(all, tokens);
    row = std::copy(fitted.ids.begin(), fitted.ids.end(), row);
  }
  const at::NoGradGuard no_grad;
  const NamedTensors outputs = run_graph(*graph, parameters_, {{"input_ids", ids.to(device_)}});
  return outputs.at(graph->value(graph->outputs()[0]).name);
}

}  // namespace edgefusion::train
