#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"

namespace edgefusion::formats {

/// A tensor to be written: what its header says, without the data.
struct TensorRecord {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

/// Gives the data of a record, asked once per record in the order of the file; the view (of the
/// record's dtype and shape) must hold until the next call.
using TensorProducer = std::function<Result<ConstTensorView>(const TensorRecord&)>;

struct NamedTensor {
  std::string name;
  ConstTensorView tensor;
};

/// Writes a safetensors file as the reference does: larger element types first, then by name, the
/// header padded to 8 bytes, so every tensor is aligned. The file appears whole or not at all, and
/// no more than one tensor of a producer is in memory at a time.
/// `alignment`: of the first tensor in the file, 8 or a larger power of two.
/// Errors: invalid_argument (a name twice, not UTF-8, or "__metadata__"), io, resource_exhausted
/// (disk full), and whatever the producer returns.
Status write_safetensors(const std::filesystem::path& path, std::vector<TensorRecord> records,
                         const std::map<std::string, std::string>& metadata,
                         const TensorProducer& produce, size_t alignment = 8);

/// Bytes of the file that write_safetensors() would make of them. Errors: as there, but for
/// writing.
Result<int64_t> safetensors_bytes(const std::vector<TensorRecord>& records,
                                  const std::map<std::string, std::string>& metadata,
                                  size_t alignment = 8);
Status write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                         const std::map<std::string, std::string>& metadata = {});

}  // namespace edgefusion::formats
