#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>

#include "core/result.h"
#include "onnx/draft.h"

namespace edgefusion::onnx {

/// Protobuf reads no message of 2 GiB or more; the rest is left to what surrounds the tensors.
inline constexpr size_t kMostInlineBytes = (size_t{1} << 31) - (size_t{16} << 20);
/// Of an external tensor in its file: a page, so that readers may map it.
inline constexpr size_t kExternalAlignment = 4096;
/// Shapes, scales and the like stay in the model file, where every tool looks for them.
inline constexpr size_t kLeastExternalBytes = 1024;

struct WriteOptions {
  bool external_data = false;                 ///< also of models that fit one file
  const std::atomic<bool>* cancel = nullptr;  ///< looked at before each tensor
};

/// Writes a model file; its tensors go to `path`.data beside it if they are asked to, or do not
/// fit. One tensor is in memory at a time. The draft's message is not changed. Errors: io,
/// resource_exhausted, cancelled, those of the initializers' makers.
Status write_model(const Draft& draft, const std::filesystem::path& path,
                   const WriteOptions& options = {});

}  // namespace edgefusion::onnx
