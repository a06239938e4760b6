#pragma once

// Gloo's names as far as libtorch's ProcessGroupGloo.hpp speaks of them. The library has Gloo inside,
// its packages do not have Gloo's headers. Only pointers to these classes are held; no object of them,
// and none of a class derived from them, is made on this side.

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
