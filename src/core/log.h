#pragma once

#include <functional>
#include <string_view>

namespace edgefusion {

enum class LogLevel { error, warn, info, debug };

/// Where messages go. The library holds no global logger: a sink comes in with the Runtime.
using LogSink = std::function<void(LogLevel, std::string_view)>;

/// Writes "edgefusion: warning: text" lines to stderr, up to `level`. Silent below it.
LogSink stderr_log(LogLevel level);

}  // namespace edgefusion
