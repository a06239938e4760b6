// links: formats
// Any bytes as a safetensors file: refused, or every view it hands out can be read.
#include <cstddef>
#include <cstdint>
#include <span>

#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace edgefusion;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = formats::SafetensorsFile::parse(bytes, "fuzz");
  if (!file) {
    EF_CHECK(file.error().message().find('\n') == std::string::npos, "message of several lines");
    return 0;
  }
  size_t total = 0;
  for (const std::string& name : file->names()) {
    const ConstTensorView* view = file->find(name);
    EF_CHECK(view != nullptr, name);
    total += view->bytes();
    const int64_t elements = view->shape.elements();
    if (elements == 0) continue;
    volatile float sink = load_as_f32(*view, 0);
    sink = load_as_f32(*view, elements - 1);
    (void)sink;
    file->release(name);
  }
  EF_CHECK(total <= size, "more bytes in tensors than in the file");
  return 0;
}
