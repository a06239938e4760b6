#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/content_hash.h"
#include "core/dtype.h"
#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"

namespace edgefusion::train {

/// The trainable tensors of one network by their names in the weight file ("conv_in.weight"), f32
/// leaves of autograd. Graphs of the same network at different sizes share them.
class Parameters {
 public:
  /// Those the graph reads, in the graph's shapes. Errors: none beyond those that the builder has
  /// found already; a name that `weights` does not have is a bug.
  static Parameters load(const graph::Graph& graph, const TensorSource& weights);
  /// As PyTorch's modules begin: weights and biases of convolutions and linear layers uniform in
  /// +-1/sqrt(fan in), norms one and zero, embeddings normal (0.02). The same for the same seed.
  static Parameters initialize(const graph::Graph& graph, uint64_t seed);

  /// The tensor of that name; one that is not there is a bug.
  const at::Tensor& at(std::string_view name) const;
  bool contains(std::string_view name) const;
  const std::map<std::string, at::Tensor, std::less<>>& all() const { return tensors_; }
  /// In the order of names: what an optimiser takes.
  std::vector<at::Tensor> list() const;
  int64_t count() const;  ///< elements of all

  /// Copies on another device, leaves again.
  Parameters to(at::Device device) const;
  /// A copy that needs no gradient: a teacher, an average.
  Parameters frozen() const;
  /// The same memory, but no gradient goes into it.
  Parameters detached() const;
  /// A new leaf with this value. A name that is there is a bug.
  void add(std::string name, const at::Tensor& value);
  /// This very tensor under a new name. A name that is there is a bug.
  void share(std::string name, at::Tensor tensor);
  /// Another tensor, perhaps computed from others, under a name that is there.
  void replace(const std::string& name, at::Tensor tensor);
  /// Takes in those of another network. A name that both have is a bug.
  void join(Parameters other);

  /// Adds names and values.
  void hash_into(ContentHasher& hasher) const;

  /// Writes them as safetensors in this type (f32, f16 or bf16). Errors: io, resource_exhausted.
  Status save(const std::filesystem::path& path, DType dtype) const;

 private:
  std::map<std::string, at::Tensor, std::less<>> tensors_;
};

}  // namespace edgefusion::train
