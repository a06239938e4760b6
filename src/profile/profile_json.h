#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"
#include "profile/profile.h"

namespace edgefusion::profile {

/// The profile as JSON, as docs/profile.md says. Sums by class, block, network and denoising step
/// are in it for those who read it without this program.
std::string profile_json(const Profile& profile);

/// Reads what profile_json() wrote; `origin`: the file, for messages. The sums are made anew.
/// Errors: bad_file, one line that lists what is missing, unknown, of another type or out of range.
Result<Profile> parse_profile(std::string_view text, const std::string& origin);

/// The same of a file. Errors also: not_found, io.
Result<Profile> load_profile(const std::filesystem::path& file);

}  // namespace edgefusion::profile
