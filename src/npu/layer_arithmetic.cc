#include "npu/layer_arithmetic.h"

#include <algorithm>
#include <string>

namespace edgefusion::npu {
namespace {

Result<Arithmetic> supported(const Device& device, std::string_view network, std::string_view layer,
                             Arithmetic wanted) {
  for (int i = static_cast<int>(wanted); i >= 0; --i) {
    if (device.tensor.macs_per_cycle[static_cast<size_t>(i)] > 0) return static_cast<Arithmetic>(i);
  }
  return fail(ErrorCode::unsupported, device.name + ": " + std::string(network) + ": " +
                                          std::string(layer) + ": tensor engines do neither " +
                                          std::string(to_string(wanted)) + " nor anything wider");
}

const graph::LayerQuantization* quantization_of(const graph::Node& node) {
  return node.op == graph::OpKind::conv2d ? node.as<graph::Conv2dAttrs>().quantization.get()
                                          : node.as<graph::LinearAttrs>().quantization.get();
}

Arithmetic of_scheme(graph::Scheme scheme) {
  using graph::Scheme;
  if (scheme == Scheme::f32 || scheme == Scheme::bf16) return Arithmetic::f16;
  return graph::has_int8_activations(scheme) ? Arithmetic::w8a8 : Arithmetic::w8a16;
}

/// Whether an op takes this tensor as activations of 8 bits.
bool reads_8_bits(const Op& op, TensorId tensor) {
  if (!op.is_matrix() || op.arithmetic != Arithmetic::w8a8) return false;
  return std::ranges::all_of(op.operands, [&](const Operand& operand) {
    if (operand.tensor != tensor) return true;
    const bool is_attention = op.kind == OpKind::scores || op.kind == OpKind::mix;
    const bool is_source = operand.reach == Reach::window ||
                           (op.kind == OpKind::linear && operand.slot == graph::LinearSlots::x);
    return is_attention || is_source;
  });
}

}  // namespace

Result<Arithmetic> layer_arithmetic(const Device& device, std::string_view network,
                                    std::string_view layer,
                                    const graph::LayerQuantization* quantization,
                                    Arithmetic assumed) {
  return supported(device, network, layer,
                   quantization == nullptr ? assumed : of_scheme(quantization->scheme));
}

Result<Arithmetic> attention_arithmetic(const Device& device, std::string_view network,
                                        std::string_view layer, graph::AttentionScheme scheme) {
  const bool is_int8 = scheme == graph::AttentionScheme::int8;
  return supported(device, network, layer, is_int8 ? Arithmetic::w8a8 : Arithmetic::f16);
}

int weight_bits(const graph::Node& node, Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::f16) return 16;
  const graph::LayerQuantization* quantization = quantization_of(node);
  if (quantization == nullptr) return 8;
  switch (quantization->scheme) {
    case graph::Scheme::w4a16:
    case graph::Scheme::palette4:
      return 4;
    case graph::Scheme::palette5:
      return 5;
    case graph::Scheme::palette6:
      return 6;
    default:
      return 8;
  }
}

void store_in_8_bits(Work& work) {
  for (size_t id = 0; id < work.tensors.size(); ++id) {
    NpuTensor& tensor = work.tensors[id];
    const bool may = tensor.kind == TensorKind::activation && tensor.bits == 16 &&
                     !tensor.is_output && !tensor.users.empty();
    if (may && std::ranges::all_of(tensor.users, [&](OpId user) {
          return reads_8_bits(work.op(user), static_cast<TensorId>(id));
        })) {
      tensor.bits = 8;
    }
  }
}

}  // namespace edgefusion::npu
