#include "core/arena.h"

#include <sys/mman.h>

#include <new>

namespace edgefusion {
namespace {

// Below this the C++ heap is as good, and the sanitizers see what goes wrong at its ends.
constexpr size_t kMapFrom = size_t{4} << 20;

/// Straight from the system: goes back to it at once when freed, and huge pages take a hundredth
/// of the faults while it is first touched.
std::byte* map_pages(size_t bytes) {
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  ::madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return static_cast<std::byte*>(data);
}

}  // namespace

Arena::Arena(size_t bytes) : bytes_(bytes) {
  if (bytes >= kMapFrom) {
    data_ = std::unique_ptr<std::byte, Free>(map_pages(bytes), Free{bytes});
  } else {
    void* data = ::operator new (bytes == 0 ? kAlignment : bytes, std::align_val_t{kAlignment});
    data_.reset(static_cast<std::byte*>(data));
  }
}

void Arena::Free::operator()(std::byte* data) const {
  if (mapped_bytes != 0) {
    ::munmap(data, mapped_bytes);
  } else {
    ::operator delete (data, std::align_val_t{kAlignment});
  }
}

}  // namespace edgefusion
