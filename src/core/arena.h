#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace edgefusion {

/// Blocks from here on come from the system and go back to it at once: the heap would keep them,
/// and a memory limit could not be kept. They are zeroed.
constexpr size_t kSystemBlockBytes = size_t{1} << 20;

/// A block aligned for any kernel. Throws std::bad_alloc.
std::byte* allocate_block(size_t bytes);
/// `bytes` as it was allocated.
void free_block(std::byte* block, size_t bytes);

/// One block of memory whose parts are planned ahead as offsets. Pages are touched on first use.
class Arena {
 public:
  static constexpr size_t kAlignment = 64;  // a cache line and an AVX-512 register

  Arena() = default;
  /// Throws std::bad_alloc when the system has no such block; callers check limits before.
  explicit Arena(size_t bytes);

  size_t bytes() const { return bytes_; }
  std::byte* at(size_t offset) const { return data_.get() + offset; }

  static constexpr size_t aligned(size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

 private:
  struct Free {
    size_t bytes;
    void operator()(std::byte* data) const { free_block(data, bytes); }
  };
  std::unique_ptr<std::byte, Free> data_{nullptr, Free{0}};
  size_t bytes_ = 0;
};

}  // namespace edgefusion
