#include "quant/scheme_times.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "graph/split_by_inputs.h"
#include "models/unet.h"

namespace edgefusion::quant {
namespace {

using Times = std::map<std::string, double>;  // by the value a step makes

Result<graph::Graph> graph_of(const pipeline::Model& model, const std::string& role,
                              const Shape& latents) {
  if (role == "text_encoder") return model.text_encoder_graph(1, 0);
  if (role == "vae") return model.decoder_graph(1, latents[2], latents[3]);
  EF_TRY(graph::Graph whole, model.unet_graph(1, latents[2], latents[3]));
  graph::merge_projections(whole);
  return graph::split_by_inputs(std::move(whole), models::unet_step_inputs()).step;
}

/// A small ramp, and ids within any vocabulary.
std::vector<Tensor> make_inputs(const engine::Program& program) {
  std::vector<Tensor> inputs;
  for (const auto& info : program.inputs()) {
    Tensor tensor(info.shape, info.dtype);
    int64_t i = 0;
    if (info.dtype == DType::i32) {
      for (int32_t& id : tensor.values<int32_t>()) id = static_cast<int32_t>(i++ % 100);
    } else {
      for (float& value : tensor.values<float>()) {
        value = -1.0f + 0.01f * static_cast<float>(i++ % 200);
      }
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

/// How often, and until when.
struct Repeats {
  int count;
  const std::atomic<bool>* cancel;
};

/// Least time of each step over some runs.
Result<Times> step_times(engine::Program& program, const Repeats& repeats, ThreadPool& pool) {
  const std::vector<Tensor> inputs = make_inputs(program);
  std::vector<ConstTensorView> in;
  for (const Tensor& input : inputs) in.push_back(input.view());
  std::vector<Tensor> results;
  for (const auto& info : program.outputs()) results.emplace_back(info.shape, info.dtype);
  std::vector<TensorView> out;
  for (Tensor& result : results) out.push_back(result.view());
  Times least;
  for (int run = 0; run <= repeats.count; ++run) {  // the first touches every page
    if (repeats.cancel != nullptr && repeats.cancel->load()) {
      return fail(ErrorCode::cancelled, "cancelled");
    }
    std::vector<engine::StepTime> steps;
    program.run(in, out, pool, &steps);
    for (const auto& step : steps) {
      const auto [known, is_new] = least.try_emplace(std::string(step.name), step.seconds * 1e3);
      if (!is_new && run > 0) known->second = std::min(known->second, step.seconds * 1e3);
    }
  }
  return least;
}

/// Time of the step that makes `value`, and of what converts it or its result.
double time_of(const Times& times, const std::string& value) {
  double sum = 0;
  for (const char* suffix : {"", ":bf16", ":f32"}) {
    const auto found = times.find(value + suffix);
    if (found != times.end()) sum += found->second;
  }
  return sum;
}

/// A layer's result may be u8 alone, under another name.
double layer_time(const Times& times, const Layer& layer) {
  double sum = time_of(times, layer.output);
  if (sum <= 0) sum = time_of(times, layer.output + ":u8");
  for (const std::string& input : layer.inputs) {
    const auto converted = times.find(input + ":u8");
    if (converted != times.end() && times.contains(input)) sum += converted->second;
  }
  return sum;
}

Result<Times> times_of_network(const Candidate& candidate, const std::string& role,
                               const Shape& latents, const Repeats& repeats,
                               const Runtime& runtime) {
  const Variant variant = candidate.variant();
  EF_TRY(graph::Graph graph, graph_of(*variant.model, role, latents));
  engine::CompileOptions options = {.precision = engine::Precision::int8,
                                    .bands = {.enabled = role == "vae"}};
  const auto quantized = variant.quantization->find(role);
  if (quantized != variant.quantization->end()) options.quantization = &quantized->second;
  EF_TRY(engine::Program program,
         engine::compile(std::move(graph), *variant.model->network(role.c_str()).weights, options,
                         runtime));
  return step_times(program, repeats, *runtime.pool);
}

}  // namespace

Result<LayerTimes> measure_times(const Candidate& candidate, const LayerList& list,
                                 const Shape& latents, int repeats, const Runtime& runtime,
                                 const std::atomic<bool>* cancel) {
  std::map<std::string, Times> by_network;
  LayerTimes result;
  for (const char* role : {"text_encoder", "unet", "vae"}) {
    EF_TRY(by_network[role],
           times_of_network(candidate, role, latents, {repeats, cancel}, runtime));
    for (const auto& [name, ms] : by_network[role]) result.network_ms[role] += ms;
  }
  for (const Layer& layer : list.layers) {
    result.layers_ms.push_back(layer_time(by_network[layer.network], layer));
  }
  for (const AttentionLayer& attention : list.attentions) {
    result.attentions_ms.push_back(time_of(by_network[attention.network], attention.name));
  }
  return result;
}

}  // namespace edgefusion::quant
