#pragma once

#include <atomic>

namespace edgefusion::cli {

/// Becomes true at Ctrl-C (SIGINT) or SIGTERM; a second one ends the program at once.
/// A signal handler can reach nothing but a global, so this is the one there is.
const std::atomic<bool>& interrupt_flag();

/// Installs the handler; call once, before long work.
void catch_interrupts();

}  // namespace edgefusion::cli
