#include "core/process_memory.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace edgefusion {
namespace {

/// A "VmRSS:   1234 kB" line of a file in /proc, in bytes; 0 if there is none.
int64_t proc_bytes(const char* path, const std::string& field) {
  std::ifstream status(path);
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(field)) return std::stoll(line.substr(field.size())) * 1024;
  }
  return 0;
}

/// A file with one number ("max" is none).
std::optional<int64_t> number_in(const char* path) {
  std::ifstream file(path);
  int64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

}  // namespace

int64_t resident_bytes() { return proc_bytes("/proc/self/status", "VmRSS:"); }

int64_t peak_resident_bytes() { return proc_bytes("/proc/self/status", "VmHWM:"); }

std::optional<int64_t> available_bytes() {
  std::optional<int64_t> available;
  const int64_t machine = proc_bytes("/proc/meminfo", "MemAvailable:");
  if (machine > 0) available = machine;
  // What a container uses counts files that can be dropped, so only its limit is looked at.
  const auto limit = number_in("/sys/fs/cgroup/memory.max");
  if (limit) available = std::min(available.value_or(*limit), *limit);
  return available;
}

}  // namespace edgefusion
