#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "pipeline/exec_network.h"
#include "pipeline/model_quantization.h"

namespace edgefusion::cli {
namespace {

struct Options {
  std::string model, network, inputs, outputs, precision = "auto";
  std::vector<std::string> taps;
};

Result<pipeline::NamedTensors> read_tensors(const std::string& path) {
  EF_TRY(const auto file, formats::SafetensorsFile::open(path));
  pipeline::NamedTensors tensors;
  for (const std::string& name : file.names()) {
    tensors.emplace(name, Tensor::copy_of(*file.find(name)));
  }
  return tensors;
}

Status exec(const Options& options, const CommonOptions& common) {
  pipeline::ExecRequest request;
  EF_TRY(request.role, models::parse_network_role(options.network));
  EF_TRY(const Runtime runtime, make_runtime(common));
  request.taps = options.taps;
  EF_TRY(const auto folder, formats::open_model(options.model));
  EF_TRY(request.precision,
         pipeline::choose_precision(options.precision, folder, runtime.isa));
  EF_TRY(const auto inputs, read_tensors(options.inputs));
  request.inputs_origin = options.inputs;
  EF_TRY(const auto outputs, pipeline::exec_network(folder, request, inputs, runtime));
  std::vector<formats::NamedTensor> tensors;
  for (const auto& [name, tensor] : outputs) tensors.push_back({name, tensor.view()});
  EF_TRY_STATUS(formats::write_safetensors(options.outputs, tensors));
  for (const auto& [name, tensor] : outputs) {
    fmt::print("{} {}\n", name, tensor.shape().to_string());
  }
  return {};
}

}  // namespace

Action declare_exec(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model", options->model, "Model folder or bundle, or the folder of one network")
      ->required();
  app.add_option("network", options->network,
                 "text_encoder, unet, vae_decoder, vae_encoder or image_encoder")
      ->required();
  app.add_option("--inputs", options->inputs, "Safetensors file with the inputs (NCHW)")
      ->required();
  app.add_option("--outputs", options->outputs, "Safetensors file to write")->required();
  app.add_option("--precision", options->precision, "auto, f32, bf16 or int8")->capture_default_str();
  app.add_option("--tap", options->taps, "Also write this inner value, by its diffusers name");
  app.footer(
      "Example: edgefusion exec models/emoji-v0 unet --inputs in.safetensors --outputs "
      "out.safetensors --tap conv_in");
  return [options](const CommonOptions& common) { return exec(*options, common); };
}

}  // namespace edgefusion::cli
