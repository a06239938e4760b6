#include <fmt/format.h>

#include <array>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command.h"
#include "cli/default_model.h"
#include "cli/memory_size.h"
#include "cli/picture_size.h"
#include "cli/quantization_summary.h"
#include "core/quantized_tensor.h"
#include "engine/program.h"
#include "graph/op_table.h"
#include "models/registry.h"
#include "pipeline/exec_network.h"
#include "pipeline/model.h"

namespace edgefusion::cli {
namespace {

using models::NetworkRole;

constexpr std::array kRoles = {NetworkRole::text_encoder, NetworkRole::unet,
                               NetworkRole::vae_decoder, NetworkRole::vae_encoder,
                               NetworkRole::image_encoder};

struct Options {
  std::string model, size, graph;
  bool json = false;
};

/// A model and how it is quantised, if it is; the memory forecast is for that.
struct OpenedModel {
  formats::ModelFolder folder;
  pipeline::ModelQuantization quantization;

  engine::Precision precision() const {
    return pipeline::is_quantized(folder) ? engine::Precision::int8 : engine::Precision::f32;
  }
};

/// What can be said of one network without running it.
struct NetworkReport {
  NetworkRole role;
  std::string class_name, complaint;
  std::set<std::string> dtypes;
  int64_t parameters = 0, macs = 0, stored_bytes = 0;
  SchemeCounts schemes;  ///< of a quantised model
  engine::MemoryForecast memory;
};

struct Report {
  std::string path, pipeline, scheduler;
  std::string_view precision;  ///< of the memory forecast
  PictureSize size;
  std::optional<QuantizationOrigin> quantization;  ///< nothing: a model of floats
  std::vector<NetworkReport> networks;
  std::vector<std::string> complaints;
};

std::set<std::string> dtypes_of(const TensorSource& weights) {
  std::set<std::string> dtypes;
  for (const std::string& name : weights.names()) {
    const QuantizedTensor* codes = weights.quantized(name);
    dtypes.emplace(codes != nullptr ? to_string(codes->code)
                                    : to_string(weights.find(name)->dtype));
  }
  return dtypes;
}

/// Sizes of one picture in the network's own units; 8 image pixels per latent pixel is what all
/// published autoencoders of this family have, and the model says otherwise where it was opened.
models::NetworkSizes sizes_for(NetworkRole role, const PictureSize& size, int64_t pixels_per_latent,
                               int64_t tokens) {
  const int64_t scale = role == NetworkRole::vae_encoder ? 1 : pixels_per_latent;
  return {.batch = 1, .height = size.height / scale, .width = size.width / scale, .tokens = tokens};
}

Result<graph::Graph> network_graph(const formats::NetworkFiles& files, NetworkRole role,
                                   const models::NetworkSizes& sizes) {
  return models::build_network(files.config, files.config_origin,
                               {.role = role, .sizes = sizes, .options = {}}, files.weights.get());
}

NetworkReport report_network(const OpenedModel& model, NetworkRole role,
                             const models::NetworkSizes& sizes, const Runtime& runtime) {
  const char* folder_role = pipeline::folder_role(role);
  const formats::NetworkFiles& files = *model.folder.network(folder_role);
  NetworkReport report;
  report.role = role;
  report.class_name = files.class_name;
  report.dtypes = dtypes_of(*files.weights);
  auto graph = network_graph(files, role, sizes);
  if (!graph) {
    report.complaint = graph.error().message();
    return report;
  }
  report.parameters = models::parameter_count(*graph);
  report.macs = graph::graph_cost(*graph).macs;
  report.stored_bytes = stored_weight_bytes(*graph, model.folder, folder_role);
  engine::CompileOptions options = {.precision = model.precision()};
  if (pipeline::is_quantized(model.folder)) {
    const auto found = model.quantization.find(folder_role);
    if (found != model.quantization.end()) options.quantization = &found->second;
    report.schemes =
        count_schemes(*graph, options.quantization != nullptr ? *options.quantization
                                                              : graph::NetworkQuantization());
  }
  const auto memory = engine::forecast(std::move(*graph), files.weights.get(), options, runtime);
  if (memory) {
    report.memory = *memory;
  } else {
    report.complaint = memory.error().message();
  }
  return report;
}

/// An autoencoder without encoder weights still makes pictures; its encoder is not listed.
bool has_encoder(const formats::NetworkFiles& files) {
  for (const std::string& name : files.weights->names()) {
    if (name.starts_with("encoder.")) return true;
  }
  return false;
}

struct Units {
  int64_t pixels_per_latent = 8;
  int64_t tokens = 77;
};

std::vector<NetworkReport> report_networks(const OpenedModel& model, const PictureSize& size,
                                           Units units, const Runtime& runtime) {
  std::vector<NetworkReport> reports;
  for (const NetworkRole role : kRoles) {
    const formats::NetworkFiles* files = model.folder.network(pipeline::folder_role(role));
    if (files == nullptr) continue;
    if (role == NetworkRole::vae_encoder && !has_encoder(*files)) continue;
    const auto sizes = sizes_for(role, size, units.pixels_per_latent, units.tokens);
    reports.push_back(report_network(model, role, sizes, runtime));
  }
  return reports;
}

Result<Report> make_report(const Options& options, const Runtime& runtime) {
  Report report;
  const auto path = model_or_default(options.model);
  report.path = path.string();
  OpenedModel opened;
  EF_TRY(opened.folder, formats::open_model(path));
  const formats::ModelFolder& folder = opened.folder;
  if (pipeline::is_quantized(folder)) {
    EF_TRY(opened.quantization, pipeline::read_quantization(folder));
    EF_TRY(report.quantization, read_quantization_origin(folder));
  }
  report.precision = engine::to_string(opened.precision());
  report.pipeline = folder.pipeline_class;
  report.scheduler = folder.scheduler_class;
  Units units;
  if (!folder.pipeline_class.empty()) {
    const auto model = pipeline::Model::open(path);
    if (model) {
      units = {(*model)->latent_space().pixels_per_latent, (*model)->text_tokens()};
      report.size = {(*model)->defaults().width, (*model)->defaults().height};
    } else {
      report.complaints.push_back(model.error().message());
    }
  }
  if (!options.size.empty()) {
    EF_TRY(report.size, parse_picture_size(options.size));
  }
  report.networks = report_networks(opened, report.size, units, runtime);
  for (const NetworkReport& network : report.networks) {
    if (network.complaint.empty()) continue;
    // The model as a whole fails for the same reason; once is enough.
    std::erase_if(report.complaints, [&](const std::string& known) {
      return known.find(network.complaint) != std::string::npos;
    });
    report.complaints.push_back(network.complaint);
  }
  return report;
}

void print_quantization(const Report& report) {
  fmt::print("\nquantised: {}\n", to_text(*report.quantization));
  for (const NetworkReport& network : report.networks) {
    fmt::print("{:<13} layers: {}; attentions: {}\n", models::to_string(network.role),
               to_text(network.schemes.layers), to_text(network.schemes.attentions));
  }
}

void print_text(const Report& report) {
  fmt::print("{}\n", report.path);
  if (!report.pipeline.empty()) {
    fmt::print("{}, {}\n", report.pipeline, report.scheduler);
  }
  fmt::print("at {}x{}, batch 1, {} arithmetic:\n\n", report.size.width, report.size.height,
             report.precision);
  fmt::print("{:<13} {:<24} {:>8} {:>9} {:>10} {:>10} {:>10} {:>10}\n", "network", "class", "dtype",
             "params", "GMAC", "stored", "weights", "work");
  for (const NetworkReport& network : report.networks) {
    fmt::print("{:<13} {:<24} {:>8} {:>8.1f}M {:>10.2f} {:>10} {:>10} {:>10}\n",
               models::to_string(network.role), network.class_name,
               fmt::format("{}", fmt::join(network.dtypes, ",")),
               static_cast<double>(network.parameters) / 1e6,
               static_cast<double>(network.macs) / 1e9, format_bytes(network.stored_bytes),
               format_bytes(network.memory.weight_bytes),
               format_bytes(network.memory.arena_bytes + network.memory.scratch_bytes));
  }
  if (report.quantization) print_quantization(report);
  for (const std::string& complaint : report.complaints) fmt::print("\ncomplaint: {}\n", complaint);
}

nlohmann::json network_json(const NetworkReport& network) {
  return {{"role", models::to_string(network.role)},
          {"class", network.class_name},
          {"dtypes", network.dtypes},
          {"parameters", network.parameters},
          {"macs", network.macs},
          {"stored_bytes", network.stored_bytes},
          {"weight_bytes", network.memory.weight_bytes},
          {"arena_bytes", network.memory.arena_bytes},
          {"scratch_bytes", network.memory.scratch_bytes}};
}

void print_json(const Report& report) {
  nlohmann::json json = {{"path", report.path},
                         {"pipeline", report.pipeline},
                         {"scheduler", report.scheduler},
                         {"width", report.size.width},
                         {"height", report.size.height},
                         {"precision", report.precision},
                         {"networks", nlohmann::json::array()},
                         {"complaints", report.complaints}};
  if (report.quantization) json["quantization"] = to_json(*report.quantization);
  for (const NetworkReport& network : report.networks) {
    nlohmann::json one = network_json(network);
    if (report.quantization) {
      one["schemes"] = {{"layers", network.schemes.layers},
                        {"attentions", network.schemes.attentions}};
    }
    json["networks"].push_back(std::move(one));
  }
  fmt::print("{}\n", json.dump(1));
}

Status print_graph(const Options& options, const Report& report) {
  EF_TRY(const NetworkRole role, models::parse_network_role(options.graph));
  EF_TRY(const auto folder, formats::open_model(report.path));
  const formats::NetworkFiles* files = folder.network(pipeline::folder_role(role));
  if (files == nullptr) {
    return fail(ErrorCode::not_found, report.path + ": has no " + options.graph);
  }
  int64_t tokens = 77, pixels_per_latent = 8;
  if (const auto model = pipeline::Model::open(report.path)) {
    tokens = (*model)->text_tokens();
    pixels_per_latent = (*model)->latent_space().pixels_per_latent;
  }
  EF_TRY(const graph::Graph graph,
         network_graph(*files, role, sizes_for(role, report.size, pixels_per_latent, tokens)));
  fmt::print("{}", graph.dump());
  return {};
}

Status inspect(const Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY(const Report report, make_report(options, runtime));
  if (!options.graph.empty()) return print_graph(options, report);
  if (options.json) {
    print_json(report);
  } else {
    print_text(report);
  }
  if (report.complaints.empty()) return {};
  return fail(ErrorCode::bad_file, report.path + ": " + std::to_string(report.complaints.size()) +
                                       " complaints, the first: " + report.complaints[0]);
}

}  // namespace

Action declare_inspect(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model", options->model,
                 "Model folder or bundle [the model that comes with the program]");
  app.add_option("--size", options->size, "Picture size the costs are for, e.g. 512x512");
  app.add_option("--graph", options->graph,
                 "Print the graph of this network (text_encoder, unet, vae_decoder, vae_encoder)");
  app.add_flag("--json", options->json, "Print JSON");
  app.footer("Example: edgefusion inspect models/emoji-v0 --size 128x128");
  return [options](const CommonOptions& common) { return inspect(*options, common); };
}

}  // namespace edgefusion::cli
