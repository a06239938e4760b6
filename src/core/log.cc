#include "core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace edgefusion {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::debug:
      return spdlog::level::debug;
  }
  return spdlog::level::err;
}

}  // namespace

LogSink stderr_log(LogLevel level) {
  auto logger = std::make_shared<spdlog::logger>("edgefusion",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%n: %l: %v");
  logger->set_level(to_spdlog(level));
  return [logger](LogLevel at, std::string_view text) { logger->log(to_spdlog(at), "{}", text); };
}

}  // namespace edgefusion
