#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace edgefusion::cli {
namespace {

constexpr size_t kBarWidth = 24;

}  // namespace

ProgressBar::ProgressBar() : terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressBar::update(std::string_view label, size_t done, size_t total, std::string_view note) {
  if (total == 0) return;
  if (!terminal_) {
    if (done != 0 && total > 1) fmt::print(stderr, "{}: {}/{}\n", label, done, total);
    return;
  }
  const size_t filled = kBarWidth * done / total;
  fmt::print(stderr, "\r\x1b[K{:<18} [{:#<{}}{:.<{}}] {}/{}  {}", label, "", filled, "",
             kBarWidth - filled, done, total, note);
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
