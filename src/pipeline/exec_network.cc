#include "pipeline/exec_network.h"

#include <algorithm>
#include <map>
#include <set>

#include "pipeline/model_quantization.h"

namespace edgefusion::pipeline {
namespace {

using models::NetworkRole;

const char* main_input(NetworkRole role) {
  switch (role) {
    case NetworkRole::text_encoder:
      return "input_ids";
    case NetworkRole::unet:
      return "sample";
    case NetworkRole::vae_decoder:
      return "latent";
    case NetworkRole::vae_encoder:
    case NetworkRole::image_encoder:
      return "image";
  }
  return "";
}

Result<Shape> input_shape(const NamedTensors& inputs, const std::string& name, int rank) {
  const auto found = inputs.find(name);
  if (found == inputs.end()) {
    return fail(ErrorCode::invalid_argument, "input " + name + ": missing");
  }
  const Shape& shape = found->second.shape();
  if (shape.rank() != rank) {
    return fail(ErrorCode::invalid_argument, "input " + name + ": shape " + shape.to_string() +
                                                 ", expected " + std::to_string(rank) + " axes");
  }
  return shape;
}

Result<models::NetworkSizes> sizes_of(NetworkRole role, const NamedTensors& inputs) {
  const bool is_text = role == NetworkRole::text_encoder;
  EF_TRY(const Shape shape, input_shape(inputs, main_input(role), is_text ? 2 : 4));
  models::NetworkSizes sizes;
  sizes.batch = shape[0];
  if (is_text) {
    sizes.tokens = shape[1];
    return sizes;
  }
  sizes.height = shape[2];
  sizes.width = shape[3];
  if (role == NetworkRole::unet && inputs.contains("encoder_hidden_states")) {
    EF_TRY(const Shape states, input_shape(inputs, "encoder_hidden_states", 3));
    sizes.tokens = states[1];
  }
  return sizes;
}

/// Two modules of diffusers can have one output; the graph names the value after one of them and
/// knows the other as an alias. By tap as the user wrote it: the value's own name.
std::map<std::string, std::string> names_of_taps(const graph::Graph& graph,
                                                 const std::vector<std::string>& taps) {
  std::map<std::string, std::string> names;
  for (const std::string& tap : taps) {
    const graph::ValueId value = graph.find(tap);
    if (value != graph::kNoValue) names[tap] = graph.value(value).name;  // compile() names others
  }
  return names;
}

/// Gives tapped values the names they were asked for. A value asked for under several names comes
/// under each; its own name stays only if it was asked for or is an output of the network.
void rename_taps(const std::map<std::string, std::string>& names,
                 const std::set<std::string>& network_outputs, NamedTensors& outputs) {
  for (const auto& [tap, name] : names) {
    if (!outputs.contains(tap)) outputs.emplace(tap, outputs.at(name));
  }
  for (const auto& [tap, name] : names) {
    if (!names.contains(name) && !network_outputs.contains(name)) outputs.erase(name);
  }
}

std::set<std::string> output_names(const graph::Graph& graph) {
  std::set<std::string> names;
  for (const graph::ValueId id : graph.outputs()) names.insert(graph.value(id).name);
  return names;
}

/// Integer tensors of any type as i32.
Result<Tensor> to_i32(const std::string& name, const Tensor& tensor) {
  Tensor result(tensor.shape(), DType::i32);
  const auto dst = result.values<int32_t>();
  const ConstTensorView view = tensor.view();
  for (size_t i = 0; i < dst.size(); ++i) {
    int64_t value = 0;
    switch (tensor.dtype()) {
      case DType::i64:
        value = view.as<int64_t>()[i];
        break;
      case DType::i32:
        value = view.as<int32_t>()[i];
        break;
      default:
        return fail(ErrorCode::invalid_argument, "input " + name + ": " +
                                                     std::string(to_string(tensor.dtype())) +
                                                     ", expected i32 or i64");
    }
    dst[i] = static_cast<int32_t>(std::clamp<int64_t>(value, INT32_MIN, INT32_MAX));
  }
  return result;
}

/// The graph gives zeros for ids beyond its table, where the reference stops with an error.
Status check_ids(const formats::NetworkFiles& files, const Tensor& ids) {
  EF_TRY(const int64_t rows, models::text_vocabulary(files.config, files.config_origin));
  for (const int32_t id : ids.values<int32_t>()) {
    if (id >= 0 && id < rows) continue;
    return fail(ErrorCode::invalid_argument, "input input_ids: id " + std::to_string(id) +
                                                 ", expected 0 to " + std::to_string(rows - 1));
  }
  return {};
}

/// What the graph wants of what the user gave: channels last, f32 or i32, one timestep per item.
Result<Tensor> to_graph_input(const engine::TensorInfo& info, const Tensor& given) {
  if (info.dtype == DType::i32) return to_i32(info.name, given);
  Tensor values = to_f32(given.view());
  if (info.name == "timestep" && values.elements() == 1) {
    Tensor repeated(info.shape, DType::f32);
    std::ranges::fill(repeated.values<float>(), values.values<float>()[0]);
    return repeated;
  }
  if (values.shape().rank() == 4) return nchw_to_nhwc(values.view());
  return values;
}

/// Says which file a fault of the inputs is in.
template <typename T>
Result<T> of_inputs(Result<T> result, const ExecRequest& request) {
  if (result || request.inputs_origin.empty()) return result;
  return fail(std::move(result).error().with_context(request.inputs_origin));
}

/// Converts what the program takes; a name it does not know stays, for run_network to refuse.
Result<NamedTensors> to_graph_inputs(const engine::Program& program,
                                     const formats::NetworkFiles& files, NetworkRole role,
                                     const NamedTensors& inputs) {
  NamedTensors converted = inputs;
  for (const auto& info : program.inputs()) {
    const auto given = inputs.find(info.name);
    if (given == inputs.end()) continue;  // run_network names what is missing
    EF_TRY(converted[info.name], to_graph_input(info, given->second));
    if (info.dtype == DType::i32) EF_TRY_STATUS(check_ids(files, converted[info.name]));
  }
  // Every U-Net is given text states; one without attention does not look at them.
  const auto is_states = [](const auto& info) { return info.name == "encoder_hidden_states"; };
  if (role == NetworkRole::unet && std::ranges::none_of(program.inputs(), is_states)) {
    converted.erase("encoder_hidden_states");
  }
  return converted;
}

}  // namespace

const char* folder_role(NetworkRole role) {
  switch (role) {
    case NetworkRole::text_encoder:
      return "text_encoder";
    case NetworkRole::unet:
      return "unet";
    case NetworkRole::vae_decoder:
    case NetworkRole::vae_encoder:
      return "vae";
    case NetworkRole::image_encoder:
      return "image_encoder";
  }
  return "";
}

Result<NamedTensors> exec_network(const formats::ModelFolder& folder, const ExecRequest& request,
                                  const NamedTensors& inputs, const Runtime& runtime) {
  const formats::NetworkFiles* files = folder.network(folder_role(request.role));
  if (files == nullptr) {
    return fail(ErrorCode::not_found,
                folder.path.string() + ": has no " + std::string(models::to_string(request.role)));
  }
  EF_TRY(const models::NetworkSizes sizes, of_inputs(sizes_of(request.role, inputs), request));
  EF_TRY(graph::Graph graph,
         models::build_network(
             files->config, files->config_origin,
             {.role = request.role, .sizes = sizes, .options = {.pooled_output = true}},
             files->weights.get()));
  const auto tap_names = names_of_taps(graph, request.taps);
  const std::set<std::string> network_outputs = output_names(graph);
  engine::CompileOptions options = {.precision = request.precision, .taps = request.taps};
  EF_TRY(const ModelQuantization quantization, read_quantization(folder));
  const auto quantized = quantization.find(folder_role(request.role));
  if (quantized != quantization.end()) options.quantization = &quantized->second;
  EF_TRY(engine::Program program,
         engine::compile(std::move(graph), *files->weights, options, runtime));
  EF_TRY(const NamedTensors graph_inputs,
         of_inputs(to_graph_inputs(program, *files, request.role, inputs), request));
  EF_TRY(NamedTensors outputs,
         of_inputs(run_network(program, graph_inputs, *runtime.pool), request));
  rename_taps(tap_names, network_outputs, outputs);
  for (auto& entry : outputs) {
    Tensor& tensor = entry.second;
    if (tensor.shape().rank() == 4) tensor = nhwc_to_nchw(tensor.view());
  }
  return outputs;
}

}  // namespace edgefusion::pipeline
