#include "npu/box.h"

namespace edgefusion::npu {

std::string Box::to_string() const {
  std::string text = "[";
  for (size_t axis = 0; axis < kAxes; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(begin[axis]) + ":" + std::to_string(end[axis]);
  }
  return text + "]";
}

}  // namespace edgefusion::npu
