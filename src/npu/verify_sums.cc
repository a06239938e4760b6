#include "npu/verify_sums.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "npu/attention_heads.h"

namespace edgefusion::npu {
namespace {

tl::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::invalid_argument, std::move(text));
}

OpenSum* find_sum(Content& content, const Box& out) {
  const auto found =
      std::ranges::find_if(content.sums, [&](const OpenSum& sum) { return sum.out == out; });
  return found == content.sums.end() ? nullptr : &*found;
}

void drop_sum(Content& content, const Box& out) {
  std::erase_if(content.sums, [&](const OpenSum& sum) { return sum.out == out; });
}

/// Begins anew what `out` covers; sums that were open there are lost.
OpenSum& begin_sum(Content& content, const Box& out, size_t operands) {
  std::erase_if(content.sums, [&](const OpenSum& sum) { return sum.out.overlaps(out); });
  content.written.remove(out);
  content.sums.push_back({.out = out, .taken = std::vector<BoxSet>(operands)});
  return content.sums.back();
}

std::string not_begun(const std::string& tensor, const Box& out) {
  return fmt::format("adds to sums {} of {} that were not begun, or are complete already",
                     out.to_string(), tensor);
}

Status take(OpenSum& sum, size_t operand, const Box& part, const std::string& tensor) {
  if (sum.taken[operand].overlaps(part)) {
    return refuse(
        fmt::format("sums {} take {} of {} twice", sum.out.to_string(), part.to_string(), tensor));
  }
  sum.taken[operand].add(part);
  return {};
}

Status incomplete(const OpenSum& sum, const Box& missing, const std::string& tensor) {
  return refuse(
      fmt::format("sums {} lack {} of {}", sum.out.to_string(), missing.to_string(), tensor));
}

Box item_of(const Box& box, int64_t n) { return box.intersection(box.with(kBatch, n, n + 1)); }

}  // namespace

Status SumChecker::add_statistics(const Command& command, const Op& op) {
  Content& content = contents_.open(command.writes[0]);
  for (int64_t n = command.out.begin[kBatch]; n < command.out.end[kBatch]; ++n) {
    const Box out = item_of(command.out, n);
    OpenSum* sum = command.part == Part::more ? find_sum(content, out)
                                              : &begin_sum(content, out, op.operands.size());
    if (sum == nullptr) return refuse(not_begun(work_.tensor(op.output).name, out));
    std::optional<Box> missing;
    size_t lacking = 0;
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const NpuTensor& tensor = work_.tensor(op.operands[i].tensor);
      if (!is_empty(command.reads[i].box)) {
        EF_TRY_STATUS(take(*sum, i, item_of(command.reads[i].box, n), tensor.name));
      }
      if (missing) continue;
      missing = sum->taken[i].missing(tensor.box().with(kBatch, n, n + 1));
      lacking = i;
    }
    if (!missing) {
      content.written.add(out);
      drop_sum(content, out);
    } else if (command.part == Part::all) {
      return incomplete(*sum, *missing, work_.tensor(op.operands[lacking].tensor).name);
    }
  }
  return {};
}

Status SumChecker::go_on_softmax(const Command& command, const Op& op) {
  const bool begins = command.part == Part::first;
  if (!begins) EF_TRY_STATUS(contents_.find(command.reads.back()).map([](const Content*) {}));
  Content& state = contents_.open(command.writes[1]);
  Content& result = contents_.open(command.writes[0]);
  for (const HeadPart& part : head_parts(work_, op, command.out)) {
    const Box box = state_box(part);
    if (begins) {
      std::erase_if(state.states, [&](const OnlineState& old) { return old.box.overlaps(box); });
      state.states.push_back({.id = ++states_, .box = box});
    }
    const auto found = std::ranges::find_if(
        state.states, [&](const OnlineState& candidate) { return candidate.box == box; });
    if (found == state.states.end()) {
      return refuse(fmt::format("goes on from state {} that was not begun", box.to_string()));
    }
    const Box keys = Box{}
                         .with(kBatch, 0, 1)
                         .with(kLines, 0, 1)
                         .with(kColumns, 0, 1)
                         .with(kChannels, part.out.begin[kChannels], part.out.end[kChannels]);
    if (found->keys.overlaps(keys)) {
      return refuse(fmt::format("state {} takes keys of scores {} twice", box.to_string(),
                                part.out.to_string()));
    }
    found->keys.add(keys);
    ++found->steps;
    std::erase_if(result.online,
                  [&](const OnlineScores& old) { return old.box.overlaps(part.out); });
    result.written.remove(part.out);
    result.online.push_back({part.out, found->id, found->steps});
  }
  return {};
}

Status SumChecker::add_keys(const Command& command, const Op& op) {
  EF_TRY(Content* const scores, contents_.find(command.reads[0]));
  for (const HeadPart& part : head_parts(work_, op, command.out)) {
    EF_TRY_STATUS(add_keys_of_head(command, op, part.head, part.out, *scores));
  }
  return {};
}

Status SumChecker::add_keys_of_head(const Command& command, const Op& op, int64_t head,
                                    const Box& out, Content& scores) {
  const std::string& name = work_.tensor(op.operands[0].tensor).name;
  const Box all_keys = needed(work_, op, 0, out);
  const Box keys = all_keys.with(
      kChannels, std::max(all_keys.begin[kChannels], command.reads[0].box.begin[kChannels]),
      std::min(all_keys.end[kChannels], command.reads[0].box.end[kChannels]));
  if (is_empty(keys)) {
    return refuse(fmt::format("takes no keys of head {} from {}", head, name));
  }
  const Box values = with_keys(work_.tensor(op.operands[1].tensor), needed(work_, op, 1, out),
                               keys_of(op, head, keys));
  if (!command.reads[1].box.contains(values)) {
    return refuse(fmt::format(
        "reads {} of {}, needs {} for keys {} of {}", command.reads[1].box.to_string(),
        work_.tensor(op.operands[1].tensor).name, values.to_string(), keys.to_string(), name));
  }
  const auto online = std::ranges::find_if(
      scores.online, [&](const OnlineScores& part) { return part.box.contains(keys); });
  const bool is_online = online != scores.online.end();
  if (!is_online) {
    Access access = command.reads[0];
    access.box = keys;
    EF_TRY_STATUS(contents_.check_read(access));
  } else if (command.part == Part::all) {
    return refuse(fmt::format("takes {} of {}, of an online softmax, as all of them",
                              keys.to_string(), name));
  }
  const OnlineScores taken = is_online ? *online : OnlineScores{};
  Content& result = contents_.open(command.writes[0]);
  OpenSum* sum = nullptr;
  if (command.part == Part::more) {
    sum = find_sum(result, out);
    if (sum == nullptr) return refuse(not_begun(work_.tensor(op.output).name, out));
    if (sum->state != taken.state || sum->steps != taken.steps) {
      return refuse(fmt::format("adds {} of {} to sums that are relative to another maximum",
                                keys.to_string(), name));
    }
  } else {
    sum = &begin_sum(result, out, 1);
    sum->state = taken.state;
    sum->steps = taken.steps;
  }
  EF_TRY_STATUS(take(*sum, 0, keys, name));
  if (is_online) return {};  // complete when it is finished
  const std::optional<Box> missing = sum->taken[0].missing(all_keys);
  if (!missing) {
    result.written.add(out);
    drop_sum(result, out);
  } else if (command.part == Part::all) {
    return incomplete(*sum, *missing, name);
  }
  return {};
}

Result<const OnlineState*> SumChecker::find_state(const Access& access, const Box& box) {
  EF_TRY(Content* const content, contents_.find(access));
  for (const OnlineState& state : content->states) {
    if (state.box.contains(box) && access.box.contains(box)) return &state;
  }
  return refuse(fmt::format("reads state {}, of which {} was not begun", access.box.to_string(),
                            box.to_string()));
}

/// Of sums that one command or several (one an engine) made; together they are `out`.
Status SumChecker::correct_head(const Command& command, const Op& op, const Box& out, Content& sums,
                                const OnlineState& state) {
  const bool finishes = command.part == Part::finish;
  BoxSet corrected;
  for (OpenSum& sum : sums.sums) {
    if (!sum.out.overlaps(out)) continue;
    if (sum.state != state.id || !out.contains(sum.out)) {
      return refuse(fmt::format("sums {} are not of that state", sum.out.to_string()));
    }
    if (sum.steps + (finishes ? 0 : 1) != state.steps) {
      return refuse(fmt::format("sums {} are of block {}, the state is of block {}",
                                sum.out.to_string(), sum.steps, state.steps));
    }
    if (const auto missing = sum.taken[0].missing(needed(work_, op, 0, sum.out));
        finishes && missing) {
      return incomplete(sum, *missing, work_.tensor(op.operands[0].tensor).name);
    }
    sum.steps = state.steps;
    corrected.add(sum.out);
  }
  if (const auto missing = corrected.missing(out)) {
    return refuse(fmt::format("there are no sums {}", missing->to_string()));
  }
  return {};
}

Status SumChecker::correct(const Command& command, const Op& op) {
  EF_TRY(Content* const sums, contents_.find(command.reads[0]));
  for (const HeadPart& part : head_parts(work_, op, command.out)) {
    EF_TRY(const OnlineState* const state, find_state(command.reads[1], state_box(part)));
    EF_TRY_STATUS(correct_head(command, op, part.out, *sums, *state));
  }
  if (command.part == Part::rescale) return {};
  std::erase_if(sums->sums, [&](const OpenSum& sum) { return command.out.contains(sum.out); });
  contents_.write(command.writes[0]);
  return {};
}

}  // namespace edgefusion::npu
