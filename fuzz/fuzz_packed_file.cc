// links: formats
// Any bytes as a file of packed weights: refused, or every block can be read.
#include <cstddef>
#include <cstdint>
#include <span>

#include "formats/packed_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace edgefusion;
  const auto file = formats::PackedFile::parse(std::as_bytes(std::span(data, size)), "fuzz");
  if (!file) {
    EF_CHECK(file.error().message().find('\n') == std::string::npos, "message of several lines");
    return 0;
  }
  size_t total = 0;
  for (int64_t block = 0; block < file->blocks(); ++block) {
    total += file->block(block).size();
    if (!file->is_intact(block)) (void)file->damaged_block(block);
  }
  EF_CHECK(total == file->content().size() && total < size, "blocks tile the content");
  return 0;
}
