#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "core/mapped_file.h"
#include "core/result.h"

namespace edgefusion::train {

/// States of many texts on disk, in halves, without the zeros at the end of a text.
class KeptStates {
 public:
  /// Gives the next states: f32 [N,T,D] on the CPU; of no text when all are done.
  using Next = std::function<Result<at::Tensor>()>;

  /// Writes those of all texts into `folder`. Errors: those of `next`; bad_file for states that no
  /// half-precision number holds; io, resource_exhausted.
  static Status write(const std::filesystem::path& folder, const Next& next);
  /// Errors: bad_file if they are not `texts` of at most `tokens` by `width`.
  static Result<KeptStates> open(const std::filesystem::path& folder, int64_t texts, int64_t tokens,
                                 int64_t width);

  /// f32 [T,D] of one text.
  at::Tensor of(int64_t text) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  int64_t tokens_ = 0, width_ = 0;
  std::vector<int64_t> begins_;  // rows before each text, and of all
};

}  // namespace edgefusion::train
