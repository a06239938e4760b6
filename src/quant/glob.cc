#include "quant/glob.h"

#include <cstddef>

namespace edgefusion::quant {

bool glob_matches(std::string_view glob, std::string_view name) {
  size_t g = 0, n = 0;
  // Where to go on if what follows the last star does not fit: the star takes one more.
  size_t after_star = std::string_view::npos, taken = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      after_star = ++g;
      taken = n;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n])) {
      ++g;
      ++n;
    } else if (after_star != std::string_view::npos) {
      g = after_star;
      n = ++taken;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace edgefusion::quant
