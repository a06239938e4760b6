#include "train/block_removal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include "core/json.h"
#include "core/nearest_name.h"

namespace edgefusion::train {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kNames = {"base", "small", "tiny"};
constexpr std::string_view kMidBlock = "mid_block", kDown = "down_blocks.", kUp = "up_blocks.";
/// Keys that may hold a value for each stage.
constexpr std::array kPerStage = {"attention_head_dim", "num_attention_heads",
                                  "cross_attention_dim", "transformer_layers_per_block",
                                  "only_cross_attention"};

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
  if (parsed.ec != std::errc() || number < 0) return {};
  return {number, tail.substr(static_cast<size_t>(parsed.ptr - tail.data()))};
}

/// ".resnets.1.conv1" and what a pair consists of.
struct OfPair {
  std::string_view kind;  // empty: of no pair
  Numbered pair;
};
OfPair of_pair(std::string_view inside) {
  for (const std::string_view kind : {".resnets.", ".attentions."}) {
    const Numbered pair = after(inside, kind);
    if (pair.number >= 0) return {kind, pair};
  }
  return {};
}

bool names_a_pair(std::string_view value) {
  for (const std::string_view side : {kDown, kUp}) {
    const Numbered stage = after(value, side);
    if (stage.number < 0) continue;
    const OfPair found = of_pair(stage.rest);
    return !found.kind.empty() && found.pair.rest.empty();
  }
  return false;
}

bool is_name(const std::vector<std::string>& removal) {
  return removal.size() == 1 && std::ranges::find(kNames, removal[0]) != kNames.end();
}

std::string block(std::string_view side, int64_t stage) {
  return std::string(side) + std::to_string(stage);
}

/// Layers of each stage, innermost last. Errors: bad_file, unsupported.
Result<std::vector<int64_t>> layers_of(const json& teacher, const std::string& origin) {
  ConfigReader reader(teacher, origin);
  const auto channels = reader.int_list("block_out_channels");
  const auto down = reader.string_list("down_block_types");
  const auto up = reader.string_list("up_block_types");
  auto layers = reader.int_or_list("layers_per_block", channels.size(), 2, {1, 64});
  EF_TRY_STATUS(reader.status());
  if (channels.size() < 2 || down.size() != channels.size() || up.size() != channels.size()) {
    return fail(ErrorCode::unsupported,
                origin + ": expected two stages or more, each with a down and an up block");
  }
  return layers;
}

}  // namespace

Status check_block_removal(const std::vector<std::string>& removal) {
  if (is_name(removal)) return {};
  if (removal.empty()) {
    return fail(ErrorCode::invalid_argument, "block removal: expected a name or values");
  }
  for (const std::string& value : removal) {
    if (value == kMidBlock || names_a_pair(value)) continue;
    if (removal.size() == 1) {
      return fail(ErrorCode::invalid_argument,
                  unknown_name_message("block removal", value, kNames));
    }
    return fail(ErrorCode::invalid_argument,
                "block removal \"" + printable(value) +
                    "\": expected mid_block or a value such as down_blocks.0.resnets.1");
  }
  return {};
}

Result<BlockRemoval> BlockRemoval::plan(const json& teacher,
                                        const std::vector<std::string>& removal,
                                        const std::string& origin) {
  EF_TRY_STATUS(check_block_removal(removal));
  EF_TRY(BlockRemoval plan, whole(teacher, origin));
  if (is_name(removal)) {
    plan.remove_by_name(removal[0]);
    if (std::ranges::any_of(plan.up_, [](const Pairs& pairs) { return pairs.back() < 2; })) {
      return fail(ErrorCode::unsupported,
                  origin + ": layers_per_block: expected 2 or more in every stage, found " +
                      teacher.value("layers_per_block", json(2)).dump());
    }
  } else {
    for (const std::string& value : removal) {
      const Status status = plan.remove_value(value);
      if (!status) return fail(status.error().code(), origin + ": " + status.error().message());
    }
  }
  EF_TRY_STATUS(plan.make_student(teacher, origin));
  return plan;
}

Result<BlockRemoval> BlockRemoval::whole(const json& teacher, const std::string& origin) {
  EF_TRY(const std::vector<int64_t> layers, layers_of(teacher, origin));
  BlockRemoval plan;
  plan.teacher_layers_ = layers;
  for (size_t i = 0; i < layers.size(); ++i) {
    plan.down_.emplace_back(static_cast<size_t>(layers[i]));
    plan.up_.emplace_back(static_cast<size_t>(layers[layers.size() - 1 - i] + 1));
  }
  for (auto* side : {&plan.down_, &plan.up_}) {
    for (Pairs& pairs : *side) std::iota(pairs.begin(), pairs.end(), 0);
  }
  const auto mid = teacher.find("mid_block_type");
  plan.mid_block_ = mid == teacher.end() || !mid->is_null();
  return plan;
}

void BlockRemoval::remove_by_name(std::string_view name) {
  for (Pairs& pairs : down_) pairs = {0};
  for (Pairs& pairs : up_) pairs = {0, pairs.back()};
  if (name != "base") mid_block_ = false;
  if (name == "tiny") innermost_stage_ = false;
}

Status BlockRemoval::remove_value(const std::string& value) {
  if (value == kMidBlock) {
    if (!mid_block_) return fail(ErrorCode::unsupported, "has no mid_block to remove");
    mid_block_ = false;
    return {};
  }
  const bool down = value.starts_with(kDown);
  const Numbered stage = after(value, down ? kDown : kUp);
  std::vector<Pairs>& side = down ? down_ : up_;
  if (stage.number >= static_cast<int64_t>(side.size())) {
    return fail(ErrorCode::unsupported,
                value + ": expected one of " + std::to_string(side.size()) + " stages");
  }
  Pairs& pairs = side[static_cast<size_t>(stage.number)];
  const int64_t pair = of_pair(stage.rest).pair.number;
  const auto mirrored = static_cast<size_t>(std::ssize(side) - 1 - stage.number);
  const int64_t count =
      down ? teacher_layers_[static_cast<size_t>(stage.number)] : teacher_layers_[mirrored] + 1;
  if (pair >= count) return fail(ErrorCode::unsupported, value + ": is not there");
  std::erase(pairs, pair);  // perhaps a second time: of its residual block and its attention
  if (pairs.empty()) return fail(ErrorCode::unsupported, value + ": the last pair of its stage");
  return {};
}

Status BlockRemoval::make_student(const json& teacher, const std::string& origin) {
  const size_t stages = down_.size();
  std::vector<size_t> layers;
  for (size_t i = 0; i < stages; ++i) {
    layers.push_back(down_[i].size());
    const size_t mirror = stages - 1 - i, above = up_[mirror].size();
    if (above != down_[i].size() + 1) {
      return fail(ErrorCode::unsupported,
                  origin + ": with these blocks removed " + block(kUp, mirror) + " has " +
                      std::to_string(above) + " pairs, expected one more than the " +
                      std::to_string(down_[i].size()) + " of " + block(kDown, i));
    }
  }
  if (!innermost_stage_) layers.pop_back();
  student_ = teacher;
  const bool alike = std::ranges::count(layers, layers[0]) == std::ssize(layers);
  student_["layers_per_block"] = alike ? json(layers[0]) : json(layers);
  if (!mid_block_) student_["mid_block_type"] = nullptr;
  if (innermost_stage_) return {};
  const json& widths = teacher["block_out_channels"];
  if (widths[stages - 1] != widths[stages - 2]) {
    return fail(ErrorCode::unsupported,
                origin + ": block_out_channels: the two innermost stages have " +
                    widths[stages - 2].dump() + " and " + widths[stages - 1].dump() +
                    " channels, expected the same for removal \"tiny\"");
  }
  student_["block_out_channels"].erase(stages - 1);
  student_["down_block_types"].erase(stages - 1);
  student_["up_block_types"].erase(0);
  for (const char* key : kPerStage) {
    const auto value = student_.find(key);
    if (value != student_.end() && value->is_array() && value->size() == stages) {
      value->erase(stages - 1);
    }
  }
  return {};
}

std::string BlockRemoval::inherited_name(std::string_view student_name) const {
  for (const std::string_view side : {kDown, kUp}) {
    const Numbered stage = after(student_name, side);
    if (stage.number < 0) continue;
    const int64_t theirs = stage.number + (side == kUp && !innermost_stage_ ? 1 : 0);
    const OfPair found = of_pair(stage.rest);
    if (found.kind.empty()) return block(side, theirs) + std::string(stage.rest);
    const Pairs& pairs = (side == kDown ? down_ : up_)[static_cast<size_t>(theirs)];
    return block(side, theirs) + std::string(found.kind) +
           std::to_string(pairs[static_cast<size_t>(found.pair.number)]) +
           std::string(found.pair.rest);
  }
  return std::string(student_name);
}

std::vector<std::pair<std::string, std::string>> BlockRemoval::matched_features() const {
  const int64_t gone = innermost_stage_ ? 0 : 1, stages = std::ssize(down_) - gone;
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int64_t i = 0; i < stages; ++i) {
    const std::string name = block(kDown, i);
    if (!innermost_stage_ && i + 1 == stages) {
      // The student's innermost stage does not shrink the picture any more: what is alike is what
      // comes out of its last attention.
      const int64_t last = teacher_layers_[static_cast<size_t>(i)] - 1;
      pairs.emplace_back(name + ".attentions." + std::to_string(last) + ".proj_out",
                         name + ".attentions.0.proj_out");
    } else {
      pairs.emplace_back(name, name);
    }
  }
  for (int64_t i = 0; i < stages; ++i) {
    pairs.emplace_back(block(kUp, i + gone), block(kUp, i));
  }
  return pairs;
}

}  // namespace edgefusion::train
