#include "core/runtime.h"

namespace edgefusion {

Result<Runtime> Runtime::make(int threads, const std::string& isa_cap, LogSink log) {
  IsaSet isa = detect_isa();
  if (!isa_cap.empty()) {
    EF_TRY(isa, cap_isa(isa, isa_cap));
  }
  return Runtime{std::make_unique<ThreadPool>(threads), isa, std::move(log)};
}

}  // namespace edgefusion
