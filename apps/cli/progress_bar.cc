#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace edgefusion::cli {
namespace {

constexpr size_t kBarWidth = 24;
constexpr size_t kMostLines = 20;  // of one label, where lines stay

/// Whether this part of the work is one that gets a line: each, or every twentieth part.
bool is_told(size_t done, size_t total) {
  if (total <= kMostLines || done == total) return true;
  return done * kMostLines / total != (done - 1) * kMostLines / total;
}

size_t columns() {
  winsize size = {};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col : 80;
}

}  // namespace

ProgressBar::ProgressBar() : terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressBar::update(std::string_view label, size_t done, size_t total, std::string_view note) {
  if (total == 0) return;
  if (!terminal_) {
    if (done != 0 && total > 1 && is_told(done, total))
      fmt::print(stderr, "{}: {}/{}\n", label, done, total);
    return;
  }
  const size_t filled = kBarWidth * done / total;
  std::string line = fmt::format("{:<{}} [{:#<{}}{:.<{}}] {}/{}  {}", label, note.empty() ? 18 : 0,
                                 "", filled, "", kBarWidth - filled, done, total, note);
  line.resize(std::min(line.size(), columns() - 1));  // a line that wraps cannot be rewritten
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  shown_ = true;
}

void ProgressBar::clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace edgefusion::cli
