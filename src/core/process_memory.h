#pragma once

#include <cstdint>

namespace edgefusion {

/// Memory of this process that is in RAM now, in bytes; 0 if the system does not tell.
int64_t resident_bytes();
/// The most there ever was.
int64_t peak_resident_bytes();

}  // namespace edgefusion
