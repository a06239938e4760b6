#include "train/lora.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "formats/safetensors_writer.h"
#include "train/sample_order.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

constexpr std::string_view kWeight = ".weight", kA = ".lora_A.weight", kB = ".lora_B.weight";

/// The target that means this tensor, or nullptr.
const std::string* target_of(const std::string& name, const at::Tensor& weight,
                             const LoraConfig& config) {
  const bool matrix = weight.dim() == 2 || weight.dim() == 4;
  if (!matrix || !name.ends_with(kWeight)) return nullptr;
  const std::string layer = "." + name.substr(0, name.size() - kWeight.size());
  const auto found = std::ranges::find_if(
      config.targets, [&](const std::string& target) { return layer.ends_with("." + target); });
  return found == config.targets.end() ? nullptr : &*found;
}

/// As PEFT begins: A uniform in +-1/sqrt(fan in), B zero.
void add_adapter(const std::string& layer, const at::Tensor& weight, int64_t rank,
                 at::Generator& random, Parameters& adapters) {
  std::vector<int64_t> a = weight.sizes().vec(), b(static_cast<size_t>(weight.dim()), 1);
  a[0] = rank;
  b[0] = weight.size(0);
  b[1] = rank;
  const double bound =
      1.0 / std::sqrt(static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0)));
  adapters.add(layer + std::string(kA), at::empty(a, at::kFloat).uniform_(-bound, bound, random));
  adapters.add(layer + std::string(kB), at::zeros(b, at::kFloat));
}

}  // namespace

Result<Parameters> first_adapters(const Parameters& base, const LoraConfig& config, uint64_t seed) {
  at::Generator random = at::detail::createCPUGenerator(
      mixed_seed(seed, Purpose::first_weights, static_cast<uint64_t>(config.rank)));
  Parameters adapters;
  std::set<std::string> met;
  for (const auto& [name, weight] : base.all()) {
    const std::string* target = target_of(name, weight, config);
    if (target == nullptr) continue;
    met.insert(*target);
    add_adapter(name.substr(0, name.size() - kWeight.size()), weight, config.rank, random,
                adapters);
  }
  for (const std::string& target : config.targets) {
    if (met.contains(target)) continue;
    return fail(ErrorCode::invalid_argument,
                "lora_targets: no linear layer or convolution is called \"" + target + "\"");
  }
  return adapters;
}

Parameters adapted(const Parameters& base, const Parameters& adapters, const LoraConfig& config) {
  Parameters whole = base.detached();
  for (const auto& [name, a] : adapters.all()) {
    if (!name.ends_with(kA)) continue;
    const std::string layer = name.substr(0, name.size() - kA.size());
    const at::Tensor& b = adapters.at(layer + std::string(kB));
    const at::Tensor& weight = base.at(layer + std::string(kWeight));
    const at::Tensor change = at::mm(b.flatten(1), a.flatten(1)).view(weight.sizes());
    whole.replace(layer + std::string(kWeight), weight.detach() + config.scale() * change);
  }
  return whole;
}

Status save_adapters(const std::filesystem::path& path, const Parameters& adapters,
                     const LoraConfig& config) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> stored;
  std::vector<formats::NamedTensor> tensors;
  for (const auto& [name, tensor] : adapters.all()) {
    const double scale = name.ends_with(kB) ? config.scale() : 1.0;
    stored.push_back((tensor * scale).to(at::kCPU, at::kHalf).contiguous());
    tensors.push_back({"unet." + name,
                       {static_cast<const std::byte*>(stored.back().data_ptr()),
                        shape_of(stored.back()), DType::f16}});
  }
  return formats::write_safetensors(path, tensors, {{"format", "pt"}});
}

}  // namespace edgefusion::train
