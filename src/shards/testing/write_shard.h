#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace edgefusion::shards {

using ShardMembers = std::vector<std::pair<std::string, std::string>>;

/// Writes a tar of members by name; a member whose content is "/" becomes a folder.
inline void write_shard(const std::filesystem::path& path, const ShardMembers& members,
                        bool compressed = false) {
  archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  if (compressed) archive_write_add_filter_gzip(writer);
  archive_write_open_filename(writer, path.c_str());
  for (const auto& [name, content] : members) {
    const bool is_folder = content == "/";
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, is_folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, is_folder ? 0 : static_cast<int64_t>(content.size()));
    archive_write_header(writer, entry);
    if (!is_folder) archive_write_data(writer, content.data(), content.size());
    archive_entry_free(entry);
  }
  archive_write_free(writer);
}

}  // namespace edgefusion::shards
