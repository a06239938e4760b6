#include "core/result.h"

#include <cstdio>
#include <cstdlib>

namespace edgefusion {

std::string Error::message() const {
  std::string text;
  for (auto place = context_.rbegin(); place != context_.rend(); ++place) {
    text += *place;
    text += ": ";
  }
  return text + message_;
}

Error&& Error::with_context(std::string place) && {
  context_.push_back(std::move(place));
  return std::move(*this);
}

Error& Error::add_context(std::string place) & {
  context_.push_back(std::move(place));
  return *this;
}

namespace detail {
void check_failed(const char* file, int line, const char* condition, const std::string& text) {
  std::fprintf(stderr, "%s:%d: internal check failed: %s: %s\n", file, line, condition,
               text.c_str());
  std::abort();
}
}  // namespace detail

}  // namespace edgefusion
