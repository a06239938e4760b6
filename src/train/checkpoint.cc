#include "train/checkpoint.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/flush_to_disk.h"
#include "formats/json_file.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "train/model_copy.h"
#include "train/tensors.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kParameters = "parameters.safetensors", *kAverage = "average.safetensors",
                     *kOptimizer = "optimizer.safetensors", *kState = "state.json",
                     *kRun = "run.json", *kCritic = "critic.safetensors",
                     *kCriticOptimizer = "critic_optimizer.safetensors";

Status io_error(const fs::path& path, const std::error_code& error) {
  return fail(ErrorCode::io, path.string() + ": " + error.message());
}

Status write_tensors(const fs::path& path, const std::map<std::string, at::Tensor>& tensors) {
  std::vector<at::Tensor> dense;
  std::vector<formats::NamedTensor> named;
  for (const auto& [name, tensor] : tensors) {
    dense.push_back(tensor.detach().to(at::kCPU).contiguous());
    const DType dtype = tensor.scalar_type() == at::kLong ? DType::i64 : DType::f32;
    named.push_back(
        {name, {static_cast<const std::byte*>(dense.back().data_ptr()), shape_of(tensor), dtype}});
  }
  return formats::write_safetensors(path, named);
}

Status write_training(const fs::path& folder, const TrainState& state, const json& run) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return io_error(folder, error);
  EF_TRY_STATUS(state.parameters.save(folder / kParameters, DType::f32));
  EF_TRY_STATUS(state.average.save(folder / kAverage, DType::f32));
  EF_TRY_STATUS(write_tensors(folder / kOptimizer, state.optimizer.state()));
  if (state.critic) {
    EF_TRY_STATUS(state.critic->parameters.save(folder / kCritic, DType::f32));
    EF_TRY_STATUS(write_tensors(folder / kCriticOptimizer, state.critic->optimizer.state()));
  }
  EF_TRY_STATUS(write_json(folder / kRun, run.is_object() ? run : json::object()));
  return write_json(folder / kState, {{"step", state.step}});
}

/// Number of a checkpoint's folder, or nothing.
std::optional<int64_t> number_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(kCheckpointPrefix)) return std::nullopt;
  const std::string digits = name.substr(kCheckpointPrefix.size());
  const bool whole = !digits.empty() && digits.size() < 18 &&
                     std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return whole ? std::optional(std::stoll(digits)) : std::nullopt;
}

/// All of them, oldest first.
std::vector<fs::path> checkpoints_below(const fs::path& out) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(out, error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory() && number_of(it->path())) found.push_back(it->path());
  }
  std::ranges::sort(found, {}, [](const fs::path& path) { return *number_of(path); });
  return found;
}

/// Copies the file's tensors into those of the same names.
Status read_parameters(const fs::path& path, const Parameters& parameters) {
  EF_TRY(const auto file, formats::SafetensorsFile::open(path));
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : parameters.all()) {
    const ConstTensorView* view = file.find(name);
    if (view == nullptr || !(view->shape == shape_of(tensor))) {
      return fail(ErrorCode::bad_file, path.string() + ": " + name + ": expected shape " +
                                           shape_of(tensor).to_string() + ", found " +
                                           (view == nullptr ? "nothing" : view->shape.to_string()));
    }
    tensor.copy_(to_torch(*view));
  }
  return {};
}

Status read_optimizer(const fs::path& path, Optimizer& optimizer) {
  EF_TRY(const auto file, formats::SafetensorsFile::open(path));
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& name : file.names()) tensors[name] = to_torch(*file.find(name));
  return optimizer.restore(tensors, path.string());
}

Status read_state(const fs::path& checkpoint, TrainState& state) {
  const fs::path folder = checkpoint / "training";
  EF_TRY(const json notes, formats::read_json_object(folder / kState));
  ConfigReader reader(notes, (folder / kState).string());
  const int64_t step = reader.integer("step", {0, INT64_MAX});
  EF_TRY_STATUS(reader.status());
  EF_TRY_STATUS(read_parameters(folder / kParameters, state.parameters));
  EF_TRY_STATUS(read_parameters(folder / kAverage, state.average));
  EF_TRY_STATUS(read_optimizer(folder / kOptimizer, state.optimizer));
  if (state.critic) {
    EF_TRY_STATUS(read_parameters(folder / kCritic, state.critic->parameters));
    EF_TRY_STATUS(read_optimizer(folder / kCriticOptimizer, state.critic->optimizer));
  }
  state.step = step;
  return {};
}

Status write_all(const fs::path& folder, const ModelWriter& write_model, const TrainState& state,
                 const json& run) {
  EF_TRY_STATUS(write_model(folder, state.average));
  EF_TRY_STATUS(write_training(folder / "training", state, run));
  return flush_tree_to_disk(folder);
}

}  // namespace

Status write_checkpoint(const fs::path& out, const ModelWriter& write_model,
                        const TrainState& state, const json& run, int keep) {
  std::string number = std::to_string(state.step);
  number.insert(0, number.size() < 8 ? 8 - number.size() : 0, '0');
  const fs::path folder = out / (std::string(kCheckpointPrefix) + number);
  const fs::path partial = out / ("." + folder.filename().string() + ".partial");
  std::error_code error;
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return io_error(partial, error);
  const Status written = write_all(partial, write_model, state, run);
  if (!written) {
    fs::remove_all(partial, error);  // on a full disk nothing is left behind
    return written;
  }
  fs::remove_all(folder, error);
  fs::rename(partial, folder, error);
  if (error) return io_error(folder, error);
  EF_TRY_STATUS(flush_to_disk(out));
  const std::vector<fs::path> all = checkpoints_below(out);
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i) fs::remove_all(all[i], error);
  return {};
}

std::optional<fs::path> newest_checkpoint(const fs::path& out) {
  const std::vector<fs::path> all = checkpoints_below(out);
  return all.empty() ? std::nullopt : std::optional(all.back());
}

Result<json> run_of(const fs::path& checkpoint) {
  const fs::path file = checkpoint / "training" / kRun;
  std::error_code error;
  if (!fs::exists(file, error)) return json::object();  // an older one
  return formats::read_json_object(file);
}

Status read_checkpoint(const fs::path& checkpoint, TrainState& state) {
  const Status read = read_state(checkpoint, state);
  if (read) return {};
  return fail(read.error().code(), read.error().message() + "; if " + checkpoint.string() +
                                       " is damaged, remove it to go on from the one before");
}

}  // namespace edgefusion::train
