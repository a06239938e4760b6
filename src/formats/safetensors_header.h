#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/result.h"
#include "core/shape.h"

namespace edgefusion::formats {

/// "F32", "BF16", ... as the safetensors format names element types.
std::string_view safetensors_dtype_name(DType dtype);

/// One tensor as the header describes it; bytes [begin, end) count from the end of the header.
struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> tensors;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
};

/// Parses the JSON part of a safetensors file and proves that the tensors tile the `data_bytes`
/// after it exactly: known dtypes, spans that fit shape and dtype, no overlap, no hole.
/// Errors: bad_file "origin: tensor: expected ..., found ..."; unsupported for element types and
/// ranks the format allows but this program does not compute with.
/// Source: the format section of the safetensors README.
Result<SafetensorsHeader> parse_safetensors_header(std::string_view json, const std::string& origin,
                                                   uint64_t data_bytes);

}  // namespace edgefusion::formats
