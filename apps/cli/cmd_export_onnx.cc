#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "cli/command.h"
#include "cli/default_model.h"
#include "cli/interrupt.h"
#include "cli/new_folder.h"
#include "cli/picture_size.h"
#include "core/json.h"
#include "graph/passes/passes.h"
#include "graph/split_by_inputs.h"
#include "models/registry.h"
#include "models/unet.h"
#include "onnx/export_groups.h"
#include "onnx/plan.h"
#include "pipeline/exec_network.h"
#include "pipeline/model.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;
using models::NetworkRole;

struct Options {
  std::string model, out, size, plan, type = "f32";
  std::vector<std::string> networks;
  int64_t batch = 1, tokens = 0;  ///< 0: the model's own
  bool qdq = false, external_data = false, timestep_each = false;
};

/// What is exported if nobody says otherwise: what paints a picture, or judges one.
constexpr std::array kUsualRoles = {NetworkRole::text_encoder, NetworkRole::unet,
                                    NetworkRole::vae_decoder, NetworkRole::image_encoder};

/// The model opened, and in which units its networks count.
struct Source {
  formats::ModelFolder folder;
  pipeline::ModelQuantization quantization;
  PictureSize size;
  int64_t pixels_per_latent = 8;  // of all published autoencoders of this family
  int64_t tokens = 77;
  bool zero_padding_states = false;
};

Result<Source> open_source(const Options& options) {
  const fs::path path = model_or_default(options.model);
  Source source;
  EF_TRY(source.folder, formats::open_model(path));
  EF_TRY(source.quantization, pipeline::read_quantization(source.folder));
  if (!source.folder.pipeline_class.empty()) {
    EF_TRY(const auto model, pipeline::Model::open(path));
    source.pixels_per_latent = model->latent_space().pixels_per_latent;
    source.tokens = model->text_tokens();
    source.size = {model->defaults().width, model->defaults().height};
    source.zero_padding_states = model->defaults().zero_padding_states;
  }
  if (!options.size.empty()) {
    EF_TRY(source.size, parse_picture_size(options.size));
  }
  if (options.tokens != 0) source.tokens = options.tokens;
  if (options.qdq && !pipeline::is_quantized(source.folder)) {
    return fail(ErrorCode::invalid_argument,
                "--qdq: " + path.string() +
                    " is not quantised (edgefusion quantize makes a bundle that is)");
  }
  return source;
}

/// Names of diffusers' own exports, where they are not those of `exec`.
std::map<std::string, std::string> names_in_file(NetworkRole role) {
  if (role == NetworkRole::vae_decoder) return {{"latent", "latent_sample"}, {"image", "sample"}};
  if (role == NetworkRole::vae_encoder) return {{"image", "sample"}, {"latent", "latent_sample"}};
  return {};
}

Result<std::vector<NetworkRole>> chosen_roles(const Options& options, const Source& source) {
  std::vector<NetworkRole> roles;
  for (const std::string& name : options.networks) {
    EF_TRY(const NetworkRole role, models::parse_network_role(name));
    if (source.folder.network(pipeline::folder_role(role)) == nullptr) {
      return fail(ErrorCode::not_found, source.folder.path.string() + ": has no " + name);
    }
    if (std::ranges::find(roles, role) == roles.end()) roles.push_back(role);
  }
  if (!roles.empty()) return roles;
  for (const NetworkRole role : kUsualRoles) {
    if (source.folder.network(pipeline::folder_role(role)) != nullptr) roles.push_back(role);
  }
  return roles;
}

/// Parts of the U-Net that run less often than it does: planned as networks of their own.
constexpr std::array<std::string_view, 2> kUNetParts = {"unet_once", "unet_timestep"};

/// A plan speaks of networks this model has and of which something is exported.
Status check_networks(const onnx::Plan& plan, const std::vector<NetworkRole>& roles,
                      const std::string& path) {
  for (const auto& [name, network] : plan) {
    const bool is_part = std::ranges::count(kUNetParts, name) != 0;
    const std::string whole = is_part ? "unet" : name;
    const bool is_known = std::ranges::any_of(
        roles, [&](NetworkRole role) { return whole == models::to_string(role); });
    if (is_known) continue;
    return fail(ErrorCode::invalid_argument,
                path + ": network " + printable(name) + " is not among those exported");
  }
  return {};
}

Result<graph::Graph> network_graph(const Source& source, const Options& options, NetworkRole role) {
  // Plans are of what a picture needs, which the pooled state of a text is not.
  const bool is_planned = !options.plan.empty();
  const formats::NetworkFiles& files = *source.folder.network(pipeline::folder_role(role));
  const int64_t unit = role == NetworkRole::vae_encoder ? 1 : source.pixels_per_latent;
  const models::NetworkRequest request{
      .role = role,
      .sizes = {.batch = options.batch,
                .height = source.size.height / unit,
                .width = source.size.width / unit,
                .tokens = source.tokens},
      .options = {.pooled_output = !is_planned, .zero_padding_states = source.zero_padding_states}};
  return models::build_network(files.config, files.config_origin, request, files.weights.get());
}

/// Plans and scales of layers speak of the graph with all passes. Without them every module of the
/// network keeps its value and its name.
void prepare(graph::Graph& graph, bool with_all_passes) {
  if (with_all_passes) {
    graph::optimize(graph, {.merge_projections = true,
                            .fuse_geglu = true,
                            .fuse_concat = true,
                            .fuse_image_add = true});
    return;
  }
  graph.eliminate_dead_nodes();
  graph::fold_constants(graph);
  graph::remove_identities(graph);
}

/// Whether the plan cuts the U-Net: it speaks of a part, or of another graph than the whole one.
bool is_cut(const onnx::Plan& plan, graph::Graph whole) {
  const auto is_planned = [&](std::string_view part) { return plan.contains(part); };
  if (std::ranges::any_of(kUNetParts, is_planned)) return true;
  const auto found = plan.find(models::to_string(NetworkRole::unet));
  if (found == plan.end()) return false;
  prepare(whole, true);
  return !onnx::check_graph(found->second, whole).has_value();
}

/// What becomes a folder: a network, or a part of it that is planned on its own.
struct Part {
  std::string name;
  graph::Graph graph;
};

Result<std::vector<Part>> parts_of(const Source& source, const Options& options, NetworkRole role,
                                   const onnx::Plan& plan) {
  const std::string name(models::to_string(role));
  EF_TRY(graph::Graph graph, network_graph(source, options, role));
  std::vector<Part> parts;
  if (role == NetworkRole::unet && is_cut(plan, graph)) {
    graph::SplitGraph split = graph::split_by_inputs(std::move(graph), models::unet_step_inputs());
    parts.push_back({std::string(kUNetParts[0]), std::move(split.once)});
    parts.push_back({std::string(kUNetParts[1]), std::move(split.timestep)});
    parts.push_back({name, std::move(split.step)});
  } else {
    parts.push_back({name, std::move(graph)});
  }
  for (Part& part : parts) prepare(part.graph, options.qdq || plan.contains(part.name));
  std::erase_if(parts, [](const Part& part) { return part.graph.outputs().empty(); });
  return parts;
}

onnx::ExportOptions export_options(const Source& source, const Options& options, NetworkRole role) {
  onnx::ExportOptions how{.type = options.type == "f16" ? DType::f16 : DType::f32,
                          .names = names_in_file(role)};
  // As diffusers' pipelines call it.
  if (!options.timestep_each) how.shared_inputs = {"timestep"};
  static const graph::NetworkQuantization kNothing;
  if (options.qdq) {
    const auto found = source.quantization.find(pipeline::folder_role(role));
    how.quantization = found == source.quantization.end() ? &kNothing : &found->second;
  }
  return how;
}

Result<std::vector<fs::path>> export_part(const Part& part, const TensorSource& weights,
                                          const onnx::ExportOptions& how, const Options& options,
                                          const onnx::Plan& plan, const fs::path& folder) {
  const onnx::WriteOptions write{.external_data = options.external_data,
                                 .cancel = &interrupt_flag()};
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) return fail(ErrorCode::io, folder.string() + ": " + error.message());
  const auto found = plan.find(part.name);
  if (found == plan.end()) {
    EF_TRY(const fs::path file, onnx::export_whole(part.graph, weights, how, write, folder));
    return std::vector{file};
  }
  Status fits = onnx::check_graph(found->second, part.graph);
  if (!fits) return fail(std::move(fits).error().with_context(options.plan));
  auto files = onnx::export_groups(part.graph, found->second.groups, weights, how, write, folder);
  if (!files) return fail(std::move(files).error().with_context(options.plan));
  return files;
}

uintmax_t bytes_of(const fs::path& model) {
  std::error_code error;
  const uintmax_t own = fs::file_size(model, error);
  const uintmax_t data = fs::file_size(model.string() + ".data", error);
  return own + (error ? 0 : data);
}

Status export_onnx(const Options& options, const CommonOptions&) {
  if (options.qdq && options.type != "f32") {
    return fail(ErrorCode::invalid_argument,
                "--qdq: type " + options.type + ", expected f32 (scales are f32 in this opset)");
  }
  catch_interrupts();
  EF_TRY(const Source source, open_source(options));
  EF_TRY(const auto roles, chosen_roles(options, source));
  onnx::Plan plan;
  if (!options.plan.empty()) {
    EF_TRY(plan, onnx::read_plan(options.plan));
    EF_TRY_STATUS(check_networks(plan, roles, options.plan));
  }
  EF_TRY(NewFolder folder, NewFolder::make(options.out));
  std::string report;
  for (const NetworkRole role : roles) {
    const TensorSource& weights = *source.folder.network(pipeline::folder_role(role))->weights;
    const onnx::ExportOptions how = export_options(source, options, role);
    EF_TRY(const std::vector<Part> parts, parts_of(source, options, role, plan));
    for (const Part& part : parts) {
      EF_TRY(const auto files,
             export_part(part, weights, how, options, plan, folder.path() / part.name));
      for (const fs::path& file : files) {
        report += fmt::format("{}/{} {:.1f} MB\n", part.name, file.filename().string(),
                              static_cast<double>(bytes_of(file)) / 1e6);
      }
    }
  }
  EF_TRY_STATUS(folder.commit());
  fmt::print("{}", report);
  return {};
}

}  // namespace

Action declare_export_onnx(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model", options->model, "Model folder or bundle, or the folder of one network")
      ->required();
  app.add_option("-o,--output", options->out, "New folder: NETWORK/model.onnx, as diffusers has it")
      ->required();
  app.add_flag("--qdq", options->qdq, "With the scales of a quantised bundle, as Q and DQ nodes");
  app.add_option("--plan", options->plan, "One model for each group of nodes of this plan");
  app.add_option("--size", options->size, "Picture size, WIDTHxHEIGHT [the model's own]");
  app.add_option("--batch", options->batch, "Pictures at once; guidance needs two for each")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_flag("--timestep-each", options->timestep_each,
               "One timestep for each picture, not one for all");
  app.add_option("--tokens", options->tokens, "Tokens of a text [the model's own]")
      ->check(CLI::Range(1, 4096));
  app.add_option(
      "--network", options->networks,
      "Only this network: text_encoder, unet, vae_decoder, vae_encoder or image_encoder");
  app.add_option("--type", options->type, "Of weights and arithmetic; inputs and outputs are f32")
      ->check(CLI::IsMember({"f32", "f16"}))
      ->capture_default_str();
  app.add_flag("--external-data", options->external_data,
               "Weights beside the model also where they fit into it");
  app.footer("Example: edgefusion export-onnx path/to/model -o onnx --size 512x512");
  return [options](const CommonOptions& common) { return export_onnx(*options, common); };
}

}  // namespace edgefusion::cli
