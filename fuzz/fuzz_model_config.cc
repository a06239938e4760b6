// links: models graph core
// Any bytes as the config.json of a network: refused with one line, or a graph that all its readers
// can work on. Built from shapes alone, at sizes so small that only the config can make it large.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/json.h"
#include "graph/op_table.h"
#include "graph/passes/passes.h"
#include "models/registry.h"

namespace {

using namespace edgefusion;
using models::NetworkRole;

// A config may ask for thousands of layers and be right; those are the time of the fuzzer, not a
// fault, and nodes enough for every variant are reached below.
constexpr size_t kMostNodes = 4000;

models::NetworkSizes small_sizes(NetworkRole role) {
  const int64_t side = role == NetworkRole::vae_encoder ? 24 : 3;
  return {.batch = 1, .height = side, .width = side, .tokens = 2};
}

void check_line(const std::string& message) {
  EF_CHECK(message.find('\n') == std::string::npos, "message of several lines");
}

void build(const nlohmann::json& config, NetworkRole role) {
  const models::NetworkRequest request = {
      .role = role, .sizes = small_sizes(role), .options = {.pooled_output = true}};
  auto graph = models::build_network(config, "config.json", request, nullptr);
  if (!graph) return check_line(graph.error().message());
  EF_CHECK(!graph->outputs().empty(), "a network without outputs");
  if (graph->nodes().size() > kMostNodes) return;
  const int64_t macs = graph::graph_cost(*graph).macs;
  EF_CHECK(macs >= 0, "more MACs than an integer holds");
  EF_CHECK(models::parameter_count(*graph) >= 0, "more parameters than an integer holds");
  const size_t outputs = graph->outputs().size();
  graph::optimize(*graph);
  EF_CHECK(graph->outputs().size() == outputs, "a pass lost an output");
  EF_CHECK(graph::graph_cost(*graph).macs <= macs, "a pass added work");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = parse_json(text, "config.json");
  if (!config) return 0;
  for (const NetworkRole role :
       {NetworkRole::text_encoder, NetworkRole::unet, NetworkRole::vae_decoder,
        NetworkRole::vae_encoder, NetworkRole::image_encoder}) {
    build(*config, role);
  }
  return 0;
}
