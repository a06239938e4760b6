#pragma once

#include <string>

namespace edgefusion::cli {

/// A check of a seed's text: empty if it is an integer of 64 bits, else what is wrong. CLI11 would
/// take the nearest number that fits for one that does not. Negative ones wrap around, as PyTorch's
/// do.
std::string is_seed(const std::string& text);

}  // namespace edgefusion::cli
