#pragma once

#include <cstdint>
#include <string>

#include "core/env.h"
#include "core/result.h"

namespace edgefusion::train {

/// Which one of the processes that train together this is, and where they meet: what torchrun tells
/// each of them in its environment.
struct ProcessPlace {
  int64_t rank = 0;        ///< RANK: from 0
  int64_t size = 1;        ///< WORLD_SIZE: how many there are
  int64_t local_rank = 0;  ///< LOCAL_RANK: among those of this machine; which GPU to take
  std::string address;     ///< MASTER_ADDR: the machine of rank 0
  uint16_t port = 0;       ///< MASTER_PORT
  /// torchrun itself serves the port; not empty: keys begin with this, another one at each restart.
  std::string agent_prefix;
};

/// Without WORLD_SIZE, or with 1: one that is alone. Errors: invalid_argument naming the variable,
/// what was expected and what it is.
Result<ProcessPlace> process_place(const Environment& environment);

}  // namespace edgefusion::train
