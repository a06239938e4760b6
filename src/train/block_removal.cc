#include "train/block_removal.h"

#include <array>
#include <charconv>

#include "core/json.h"
#include "core/nearest_name.h"

namespace edgefusion::train {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kNames = {"base", "small", "tiny"};
/// Keys that may hold a value for each stage.
constexpr std::array kPerStage = {"attention_head_dim", "num_attention_heads",
                                  "cross_attention_dim", "transformer_layers_per_block",
                                  "only_cross_attention"};

int64_t stages_of(const json& teacher) {
  return static_cast<int64_t>(teacher.at("block_out_channels").size());
}
int64_t layers_of(const json& teacher) { return teacher.value("layers_per_block", int64_t{2}); }

Status check(const json& teacher, const std::string& origin) {
  ConfigReader reader(teacher, origin);
  const auto channels = reader.int_list("block_out_channels");
  const auto down = reader.string_list("down_block_types");
  const auto up = reader.string_list("up_block_types");
  EF_TRY_STATUS(reader.status());
  const json layers = teacher.value("layers_per_block", json(2));
  if (!layers.is_number_integer() || layers.get<int64_t>() < 2) {
    return fail(ErrorCode::unsupported,
                origin + ": layers_per_block: expected 2 or more, found " + describe(layers));
  }
  if (channels.size() < 2 || down.size() != channels.size() || up.size() != channels.size()) {
    return fail(ErrorCode::unsupported,
                origin + ": expected two stages or more, each with a down and an up block");
  }
  return {};
}

/// Splits "up_blocks.2.resnets.1.conv1.weight" at the number behind `prefix`.
struct Numbered {
  int64_t number = -1;  // -1: does not begin so
  std::string_view rest;
};
Numbered after(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return {};
  const std::string_view tail = name.substr(prefix.size());
  int64_t number = -1;
  const auto parsed = std::from_chars(tail.data(), tail.data() + tail.size(), number);
  if (parsed.ec != std::errc()) return {};
  return {number, tail.substr(static_cast<size_t>(parsed.ptr - tail.data()))};
}

/// ".resnets.1.conv1" -> ".resnets.2.conv1": the second pair of an up stage was the last.
std::string last_pair(std::string_view inside, int64_t layers) {
  for (const std::string_view kind : {".resnets.", ".attentions."}) {
    const Numbered pair = after(inside, kind);
    if (pair.number != 1) continue;
    return std::string(kind) + std::to_string(layers) + std::string(pair.rest);
  }
  return std::string(inside);
}

}  // namespace

Result<BlockRemoval> parse_block_removal(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<BlockRemoval>(i);
  }
  return fail(ErrorCode::invalid_argument, unknown_name_message("block removal", name, kNames));
}

Result<json> student_config(const json& teacher, BlockRemoval removal, const std::string& origin) {
  EF_TRY_STATUS(check(teacher, origin));
  json student = teacher;
  student["layers_per_block"] = 1;
  if (removal == BlockRemoval::base) return student;
  student["mid_block_type"] = nullptr;
  if (removal == BlockRemoval::small) return student;
  const size_t stages = static_cast<size_t>(stages_of(teacher));
  const json& widths = teacher["block_out_channels"];
  if (widths[stages - 1] != widths[stages - 2]) {
    return fail(ErrorCode::unsupported,
                origin + ": block_out_channels: the two innermost stages have " +
                    widths[stages - 2].dump() + " and " + widths[stages - 1].dump() +
                    " channels, expected the same for removal \"tiny\"");
  }
  student["block_out_channels"].erase(stages - 1);
  student["down_block_types"].erase(stages - 1);
  student["up_block_types"].erase(0);
  for (const char* key : kPerStage) {
    const auto value = student.find(key);
    if (value != student.end() && value->is_array() && value->size() == stages) {
      value->erase(stages - 1);
    }
  }
  return student;
}

std::string inherited_name(const json& teacher, BlockRemoval removal,
                           std::string_view student_name) {
  const Numbered up = after(student_name, "up_blocks.");
  if (up.number < 0) return std::string(student_name);
  const int64_t stage = up.number + (removal == BlockRemoval::tiny ? 1 : 0);
  return "up_blocks." + std::to_string(stage) + last_pair(up.rest, layers_of(teacher));
}

std::vector<std::pair<std::string, std::string>> matched_features(const json& teacher,
                                                                  BlockRemoval removal) {
  const bool tiny = removal == BlockRemoval::tiny;
  const int64_t stages = stages_of(teacher) - (tiny ? 1 : 0);
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int64_t i = 0; i < stages; ++i) {
    const std::string block = "down_blocks." + std::to_string(i);
    if (tiny && i + 1 == stages) {
      // The student's innermost stage does not shrink the picture any more: what is alike is what
      // comes out of its last attention.
      const std::string last = std::to_string(layers_of(teacher) - 1);
      pairs.emplace_back(block + ".attentions." + last + ".proj_out",
                         block + ".attentions.0.proj_out");
    } else {
      pairs.emplace_back(block, block);
    }
  }
  for (int64_t i = 0; i < stages; ++i) {
    pairs.emplace_back("up_blocks." + std::to_string(i + (tiny ? 1 : 0)),
                       "up_blocks." + std::to_string(i));
  }
  return pairs;
}

}  // namespace edgefusion::train
