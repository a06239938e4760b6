#include "train/parameters.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "formats/safetensors_writer.h"
#include "graph/evaluate.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

using graph::OpKind;

/// What a weight is for: the first node that reads it, and the slot.
struct Role {
  OpKind op = OpKind::weight;
  size_t slot = 0;
  const graph::Node* reader = nullptr;
};

Role role_of(const graph::Graph& graph, graph::ValueId weight) {
  for (const graph::Node& node : graph.nodes()) {
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      if (node.inputs[slot] == weight) return {node.op, slot, &node};
    }
  }
  return {};
}

at::Tensor uniform(const Shape& shape, double bound, at::Generator& random) {
  return at::empty(extents_of(shape), at::kFloat).uniform_(-bound, bound, random);
}

/// Products summed for one output of the layer.
double fan_in(const graph::Graph& graph, const Role& role) {
  constexpr size_t kWeight = graph::ConvSlots::weight;
  static_assert(kWeight == size_t{graph::LinearSlots::weight});
  const Shape& weight = graph.value(role.reader->inputs[kWeight]).shape;
  return static_cast<double>(weight.elements() / weight[0]);
}

at::Tensor initial(const graph::Graph& graph, graph::ValueId weight, at::Generator& random) {
  const Shape& shape = graph.value(weight).shape;
  const Role role = role_of(graph, weight);
  switch (role.op) {
    case OpKind::conv2d:
    case OpKind::linear:
      return uniform(shape, 1.0 / std::sqrt(fan_in(graph, role)), random);
    case OpKind::group_norm:
    case OpKind::layer_norm:
      return role.slot == graph::NormSlots::gamma ? at::ones(extents_of(shape))
                                                  : at::zeros(extents_of(shape));
    default:
      return at::empty(extents_of(shape), at::kFloat).normal_(0.0, 0.02, random);
  }
}

}  // namespace

Parameters Parameters::load(const graph::Graph& graph, const TensorSource& weights) {
  Parameters parameters;
  for (const graph::Node& node : graph.nodes()) {
    if (node.op != OpKind::weight) continue;
    const std::vector<std::string>& names = node.as<graph::WeightAttrs>().tensors;
    EF_CHECK(names.size() == 1, "trained graphs are as the networks wrote them");
    const Tensor tensor = graph::load_weight(node, graph.value(node.output).shape, weights);
    parameters.tensors_[names.front()] = to_torch(tensor.view()).set_requires_grad(true);
  }
  return parameters;
}

Parameters Parameters::initialize(const graph::Graph& graph, uint64_t seed) {
  at::Generator random = at::detail::createCPUGenerator(seed);
  Parameters parameters;
  for (const graph::Node& node : graph.nodes()) {
    if (node.op != OpKind::weight) continue;
    const std::vector<std::string>& names = node.as<graph::WeightAttrs>().tensors;
    EF_CHECK(names.size() == 1, "trained graphs are as the networks wrote them");
    parameters.tensors_[names.front()] =
        initial(graph, node.output, random).set_requires_grad(true);
  }
  return parameters;
}

const at::Tensor& Parameters::at(std::string_view name) const {
  const auto found = tensors_.find(name);
  EF_CHECK(found != tensors_.end(), "a parameter of the network");
  return found->second;
}

bool Parameters::contains(std::string_view name) const { return tensors_.contains(name); }

std::vector<at::Tensor> Parameters::list() const {
  std::vector<at::Tensor> list;
  for (const auto& [name, tensor] : tensors_) list.push_back(tensor);
  return list;
}

int64_t Parameters::count() const {
  int64_t count = 0;
  for (const auto& [name, tensor] : tensors_) count += tensor.numel();
  return count;
}

Parameters Parameters::to(at::Device device) const {
  Parameters copy;
  for (const auto& [name, tensor] : tensors_) {
    copy.tensors_[name] =
        tensor.detach().to(device, at::kFloat, false, true).set_requires_grad(true);
  }
  return copy;
}

Parameters Parameters::frozen() const {
  Parameters copy;
  for (const auto& [name, tensor] : tensors_) copy.tensors_[name] = tensor.detach().clone();
  return copy;
}

Parameters Parameters::detached() const {
  Parameters view;
  for (const auto& [name, tensor] : tensors_) view.tensors_[name] = tensor.detach();
  return view;
}

void Parameters::add(std::string name, const at::Tensor& value) {
  const bool is_new =
      tensors_.emplace(std::move(name), value.detach().set_requires_grad(true)).second;
  EF_CHECK(is_new, "parameters have different names");
}

void Parameters::share(std::string name, at::Tensor tensor) {
  const bool is_new = tensors_.emplace(std::move(name), std::move(tensor)).second;
  EF_CHECK(is_new, "parameters have different names");
}

void Parameters::replace(const std::string& name, at::Tensor tensor) {
  const auto found = tensors_.find(name);
  EF_CHECK(found != tensors_.end(), "a parameter of the network");
  found->second = std::move(tensor);
}

void Parameters::join(Parameters other) {
  tensors_.merge(other.tensors_);
  EF_CHECK(other.tensors_.empty(), "networks that are joined have different names");
}

void Parameters::hash_into(ContentHasher& hasher) const {
  for (const auto& [name, tensor] : tensors_) {
    const at::Tensor values = tensor.detach().to(at::kCPU).contiguous();
    hasher.add_text(name);
    hasher.add({static_cast<const std::byte*>(values.data_ptr()), values.nbytes()});
  }
}

Status Parameters::save(const std::filesystem::path& path, DType dtype) const {
  std::vector<formats::TensorRecord> records;
  for (const auto& [name, tensor] : tensors_) records.push_back({name, dtype, shape_of(tensor)});
  const at::ScalarType type = dtype == DType::f32   ? at::kFloat
                              : dtype == DType::f16 ? at::kHalf
                                                    : at::kBFloat16;
  at::Tensor stored;
  const auto produce = [&](const formats::TensorRecord& record) -> Result<ConstTensorView> {
    stored = at(record.name).detach().to(at::kCPU, type).contiguous();
    return ConstTensorView{static_cast<const std::byte*>(stored.data_ptr()), record.shape, dtype};
  };
  return formats::write_safetensors(path, std::move(records), {{"format", "pt"}}, produce);
}

}  // namespace edgefusion::train
