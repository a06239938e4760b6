#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/shape.h"
#include "graph/graph.h"
#include "graph/quantization.h"

namespace edgefusion::quant {

/// A matrix layer of a network, and what there is to choose for it.
struct Layer {
  std::string network;  ///< role: "unet", "vae", "text_encoder"
  std::string name;     ///< as NetworkQuantization has it
  std::string kind;     ///< "conv3x3", "conv1x1", "linear"
  /// Cross-attention and feed-forward: they decide what is in the picture, the others how well.
  bool is_content = false;
  std::vector<std::string> weights;  ///< tensors of the file, one below the other
  std::vector<std::string> biases;   ///< the same; empty: none
  Shape weight_shape;                ///< of all of them together
  std::vector<std::string> inputs;   ///< values it reads: one, or two side by side
  std::vector<int64_t> input_channels;
  std::string output;  ///< the value it makes, when compiled
  bool upsample2x = false;
  int64_t macs = 0;
  std::vector<graph::Scheme> schemes;  ///< what kernels can do; bf16 but for few channels

  std::string path() const { return network + "/" + name; }
  int64_t outputs() const { return weight_shape[0]; }
  int64_t channels() const { return weight_shape[1]; }
  int64_t taps() const { return weight_shape.rank() == 4 ? weight_shape[2] * weight_shape[3] : 1; }
};

/// An attention, called by the value it makes.
struct AttentionLayer {
  std::string network, name;
  int64_t macs = 0;

  std::string path() const { return network + "/" + name; }
};

struct LayerList {
  std::vector<Layer> layers;
  std::vector<AttentionLayer> attentions;
};

/// Adds the layers of a graph as the engine prepares it (precision bf16).
void append_layers(const graph::Graph& prepared, const std::string& network, LayerList& list);

}  // namespace edgefusion::quant
