#pragma once

#include <memory>
#include <string>

#include "core/cpu_features.h"
#include "core/log.h"
#include "core/result.h"
#include "core/thread_pool.h"

namespace edgefusion {

/// What the machine lends to the program: threads, instruction sets, a place for messages.
/// Made once by main (or a test) and passed down; there is no global state beside it.
struct Runtime {
  /// threads 0: one per CPU. isa_cap empty: everything detected. Errors: unknown cap name.
  static Result<Runtime> make(int threads, const std::string& isa_cap, LogSink log);

  std::unique_ptr<ThreadPool> pool;
  IsaSet isa;
  LogSink log;
};

}  // namespace edgefusion
