#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "train/text_teacher.h"

namespace edgefusion::train {

/// What a frozen text encoder makes of many texts, one vector each: the mean of the last states
/// over the real tokens, begin and end included. Computed once and kept below `folder` for later
/// runs on the same texts. -> f32 [texts,C], without gradient. `progress` is told how many are
/// done, `cancel` is looked at now and then. Errors: invalid_argument for a text that is no UTF-8;
/// io; cancelled; those of the text encoder.
Result<at::Tensor> text_means(const TextTeacher& encoder, std::span<const std::string> texts,
                              int64_t max_tokens, const std::filesystem::path& folder,
                              const std::function<void(int64_t done)>& progress = {},
                              const std::atomic<bool>* cancel = nullptr);

}  // namespace edgefusion::train
