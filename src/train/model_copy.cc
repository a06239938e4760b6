#include "train/model_copy.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/atomic_file.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;

Status io_error(const fs::path& path, const std::error_code& error) {
  return fail(ErrorCode::io, path.string() + ": " + error.message());
}

/// A hard link where the file system has them: parts that do not change are large. Of a file that
/// is itself a link (the hub's cache is made of them), to what it stands for.
Status link_or_copy(const fs::path& link, const fs::path& to) {
  std::error_code error;
  const fs::path from = fs::canonical(link, error);
  if (error) return io_error(link, error);
  fs::create_directories(to.parent_path(), error);
  fs::create_hard_link(from, to, error);
  if (!error) return {};
  fs::copy_file(from, to, error);
  if (!error) return {};
  // The library says "input/output error" of a full disk, too.
  std::error_code unknown;
  const fs::space_info space = fs::space(to.parent_path(), unknown);
  const bool full = !unknown && space.available < fs::file_size(from, unknown);
  return io_error(to, full ? std::make_error_code(std::errc::no_space_on_device) : error);
}

/// The folders of a model that training leaves as they are, and of licences that it names. Others
/// beside them are none of the model's: a cache of packed weights, an earlier run's state, the
/// folder of this very run.
constexpr std::array<std::string_view, 5> kOtherParts = {"scheduler", "tokenizer", "text_encoder",
                                                         "vae", "LICENSES"};

/// Files beside these folders that a model made from it needs, too: what it is made of, and whose.
bool belongs_to_every_model(const std::string& name) {
  return name == "model_index.json" || name == "edgefusion.json" || name.starts_with("LICENSE") ||
         name.starts_with("NOTICE") || name.starts_with("ATTRIBUTION");
}

/// Files of the model's own folder too, if `and_files`.
Status copy(const fs::path& model, std::span<const std::string_view> parts, bool and_files,
            const fs::path& to) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(model, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path inside = it->path().lexically_relative(model);
    const std::string first = inside.begin()->string();
    const bool is_part = std::ranges::find(parts, first) != parts.end();
    if (it->is_directory() && !is_part) {
      it.disable_recursion_pending();
      continue;
    }
    if (it->is_regular_file() && (is_part || (and_files && belongs_to_every_model(first)))) {
      EF_TRY_STATUS(link_or_copy(it->path(), to / inside));
    }
  }
  if (error) return io_error(model, error);
  return {};
}

}  // namespace

Status copy_other_parts(const fs::path& model, const fs::path& to) {
  return copy(model, kOtherParts, true, to);
}

Status copy_parts(const fs::path& model, std::span<const std::string_view> parts,
                  const fs::path& to) {
  return copy(model, parts, false, to);
}

Status write_json(const fs::path& path, const nlohmann::json& value) {
  const std::string text = value.dump(2) + "\n";
  return write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace edgefusion::train
