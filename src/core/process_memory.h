#pragma once

#include <cstdint>
#include <optional>

namespace edgefusion {

/// Memory of this process that is in RAM now, in bytes; 0 if the system does not tell.
int64_t resident_bytes();
/// The most there ever was.
int64_t peak_resident_bytes();
/// The most memory that could still be had, in bytes: what is free or can be freed, and no more
/// than the container's limit; nothing if the system does not tell.
std::optional<int64_t> available_bytes();

}  // namespace edgefusion
