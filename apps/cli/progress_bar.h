#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace edgefusion::cli {

/// Progress on stderr: one line that is rewritten on a terminal, otherwise plain lines, at most
/// about twenty for one piece of work.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// note: behind the numbers, on a terminal.
  void update(std::string_view label, size_t done, size_t total, std::string_view note = {});
  bool on_terminal() const { return terminal_; }
  /// Takes the bar off the terminal, so that other lines can be printed.
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace edgefusion::cli
