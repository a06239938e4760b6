#pragma once

#include <span>
#include <string>

namespace edgefusion::train {

/// Whether a picture with these captions shows the same when it is mirrored. No where one of them
/// tells of a side or a turning, or of what has a right way round: writing, digits, dials, flags.
/// The words are English and few: they are for captions that name what is to be seen.
bool may_mirror(std::span<const std::string> captions);

}  // namespace edgefusion::train
