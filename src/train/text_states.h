#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipeline/model.h"
#include "train/kept_states.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// The frozen text encoder of a model: what its U-Net sees of captions.
class TextStates {
 public:
  static Result<TextStates> open(std::shared_ptr<const pipeline::Model> model, at::Device device);

  /// Encodes these texts, each once, and keeps their states in halves below `folder` for later runs
  /// on the same texts; `of` takes them from there. `progress` is told how many are done, `cancel`
  /// is looked at now and then. Errors: invalid_argument for a text that is no UTF-8; bad_file for
  /// states beyond half precision; io; cancelled.
  Status keep(std::vector<std::string> texts, const std::filesystem::path& folder,
              const std::function<void(int64_t done)>& progress = {},
              const std::atomic<bool>* cancel = nullptr);

  /// [N,T,D] f32, without gradient: on the CPU if all are kept, else encoded on the device. What
  /// does not fit is cut. Errors: invalid_argument for a caption that is no UTF-8.
  Result<at::Tensor> of(std::span<const std::string> captions);

 private:
  TextStates() = default;
  Result<const graph::Graph*> graph_of(int64_t batch);
  /// -> [N,T] i32
  Result<at::Tensor> ids_of(std::span<const std::string> captions) const;
  Result<at::Tensor> encode(const at::Tensor& ids);
  /// Of all that decides what the states are.
  std::string folder_name(const at::Tensor& ids) const;

  std::shared_ptr<const pipeline::Model> model_;
  Parameters parameters_;
  std::map<int64_t, graph::Graph> graphs_;  // by batch
  at::Device device_ = at::kCPU;
  std::optional<KeptStates> kept_;
  std::unordered_map<std::string, int64_t> places_;  // of kept texts
};

}  // namespace edgefusion::train
