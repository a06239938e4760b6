#include "npu/slot_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace edgefusion::npu {
namespace {

bool any_overlaps(const auto& parts, const Box& box) {
  return std::ranges::any_of(parts, [&](const auto& part) { return part.box.overlaps(box); });
}

}  // namespace

SlotContents::SlotContents(const Work& work, const Schedule& schedule)
    : work_(work), schedule_(schedule), contents_(schedule.slots.size()) {}

std::string name_of(const Schedule& schedule, int slot) {
  return fmt::format("slot {} ({})", slot, schedule.slots[static_cast<size_t>(slot)].label);
}

Result<Content*> SlotContents::find(const Access& access) {
  Content& content = contents_[static_cast<size_t>(access.slot)];
  const auto expected = [&] {
    return fmt::format("{} {}, of which {} is read", work_.tensor(access.tensor).name,
                       access.held.to_string(), access.box.to_string());
  };
  if (!content.alive && content.overwritten_by >= 0) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} was overwritten by {}, expected {}", name_of(schedule_, access.slot),
                    name_of(schedule_, content.overwritten_by), expected()));
  }
  if (!content.alive) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} holds nothing yet, expected {}", name_of(schedule_, access.slot),
                            expected()));
  }
  if (content.tensor != access.tensor || content.held != access.held) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} holds {} {}, expected {}", name_of(schedule_, access.slot),
                    work_.tensor(content.tensor).name, content.held.to_string(), expected()));
  }
  return &content;
}

Status SlotContents::check_read(const Access& access) {
  EF_TRY(const Content* content, find(access));
  const std::optional<Box> missing = content->written.missing(access.box);
  if (!missing) return {};
  std::string why = "were not written";
  for (const OpenSum& sum : content->sums) {
    if (sum.out.overlaps(*missing)) why = "are read before their sums are complete";
  }
  if (any_overlaps(content->online, *missing)) why = "are those of an online softmax";
  if (any_overlaps(content->states, *missing)) why = "are the state of an online softmax";
  return fail(ErrorCode::invalid_argument,
              fmt::format("elements {} of {} in {} {}", missing->to_string(),
                          work_.tensor(access.tensor).name, name_of(schedule_, access.slot), why));
}

void SlotContents::end_contents_on(const Slot& slot, int by) {
  auto next = alive_.lower_bound(slot.offset);
  if (next != alive_.begin()) {
    const auto before = std::prev(next);
    const Slot& other = schedule_.slots[static_cast<size_t>(before->second)];
    if (other.offset + other.bytes > slot.offset) next = before;
  }
  while (next != alive_.end() && next->first < slot.offset + slot.bytes) {
    Content& content = contents_[static_cast<size_t>(next->second)];
    content = Content{};
    content.overwritten_by = by;
    next = alive_.erase(next);
  }
}

Content& SlotContents::open(const Access& access) {
  Content& content = contents_[static_cast<size_t>(access.slot)];
  if (content.alive && content.tensor == access.tensor && content.held == access.held) {
    return content;
  }
  const Slot& slot = schedule_.slots[static_cast<size_t>(access.slot)];
  end_contents_on(slot, access.slot);
  content = Content{};
  content.alive = true;
  content.tensor = access.tensor;
  content.held = access.held;
  alive_.emplace(slot.offset, access.slot);
  return content;
}

void SlotContents::write(const Access& access) {
  Content& content = open(access);
  const Box& box = access.box;
  std::erase_if(content.sums, [&](const OpenSum& old) { return old.out.overlaps(box); });
  std::erase_if(content.states, [&](const OnlineState& old) { return old.box.overlaps(box); });
  std::erase_if(content.online, [&](const OnlineScores& old) { return old.box.overlaps(box); });
  content.written.add(box);
}

}  // namespace edgefusion::npu
