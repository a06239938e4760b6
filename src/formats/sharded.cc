#include "formats/sharded.h"

#include <algorithm>
#include <utility>

#include "core/json.h"
#include "formats/json_file.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A shard may be any file of the index's own folder, and nothing else.
bool is_plain_file_name(const std::string& name) {
  constexpr std::string_view kForbidden("/\\\0", 3);
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(kForbidden) == std::string::npos;
}

/// Shard file -> its tensors, both sorted.
using ShardTensors = std::map<std::string, std::vector<std::string>>;

Result<ShardTensors> read_weight_map(const fs::path& index_path) {
  EF_TRY(const json index, read_json_object(index_path));
  const std::string place = index_path.string() + ": weight_map";
  const auto weight_map = index.find("weight_map");
  if (weight_map == index.end() || !weight_map->is_object()) {
    return fail(ErrorCode::bad_file,
                place + ": expected object, found " +
                    (weight_map == index.end() ? "nothing" : describe(*weight_map)));
  }
  ShardTensors shards;
  for (const auto& [tensor, shard] : weight_map->items()) {
    if (!shard.is_string() || !is_plain_file_name(shard.get_ref<const std::string&>())) {
      return fail(ErrorCode::bad_file, place + ": " + printable(tensor) +
                                           ": expected a file name in this folder, found " +
                                           describe(shard));
    }
    shards[shard.get<std::string>()].push_back(tensor);
  }
  return shards;
}

/// Both lists are sorted; the first name that only one of them has is the error.
Status check_same_tensors(const SafetensorsFile& shard, const std::vector<std::string>& listed,
                          const std::string& index) {
  for (const std::string& name : listed) {
    if (shard.find(name) == nullptr) {
      return fail(ErrorCode::bad_file, shard.origin() + ": " + printable(name) +
                                           ": expected in this shard by " + index +
                                           ", found nothing");
    }
  }
  for (const std::string& name : shard.names()) {
    if (!std::binary_search(listed.begin(), listed.end(), name)) {
      return fail(ErrorCode::bad_file, shard.origin() + ": " + printable(name) +
                                           ": expected only tensors that " + index +
                                           " puts in this shard, found one more");
    }
  }
  return {};
}

}  // namespace

Result<ShardedSafetensors> ShardedSafetensors::open(const fs::path& index_path) {
  EF_TRY(const ShardTensors shard_tensors, read_weight_map(index_path));
  ShardedSafetensors source;
  source.origin_ = index_path.string();
  const std::string index = index_path.filename().string();
  for (const auto& [shard_name, tensors] : shard_tensors) {
    auto shard = SafetensorsFile::open(index_path.parent_path() / shard_name);
    if (!shard) return fail(std::move(shard.error()).with_context(source.origin_));
    EF_TRY_STATUS(check_same_tensors(*shard, tensors, index));
    for (const std::string& name : tensors) source.shard_of_.emplace(name, source.shards_.size());
    source.shards_.push_back(std::move(*shard));
  }
  return source;
}

const ConstTensorView* ShardedSafetensors::find(std::string_view name) const {
  const auto it = shard_of_.find(name);
  return it == shard_of_.end() ? nullptr : shards_[it->second].find(name);
}

std::vector<std::string> ShardedSafetensors::names() const {
  std::vector<std::string> names;
  names.reserve(shard_of_.size());
  for (const auto& [name, shard] : shard_of_) names.push_back(name);
  return names;
}

std::vector<std::string> ShardedSafetensors::files() const {
  std::vector<std::string> files;
  for (const SafetensorsFile& shard : shards_) files.push_back(shard.origin());
  return files;
}

void ShardedSafetensors::release(std::string_view name) const {
  const auto it = shard_of_.find(name);
  if (it != shard_of_.end()) shards_[it->second].release(name);
}

}  // namespace edgefusion::formats
