#include "core/arena.h"

#include <new>

namespace edgefusion {

Arena::Arena(size_t bytes)
    : data_(static_cast<std::byte*>(
          ::operator new (bytes == 0 ? kAlignment : bytes, std::align_val_t{kAlignment}))),
      bytes_(bytes) {}

void Arena::Free::operator()(std::byte* data) const {
  ::operator delete (data, std::align_val_t{kAlignment});
}

}  // namespace edgefusion
