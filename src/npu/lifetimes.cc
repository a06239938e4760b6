#include "npu/lifetimes.h"

#include <fmt/format.h>

#include <algorithm>

namespace edgefusion::npu {
namespace {

double megabytes(int64_t bytes) { return static_cast<double>(bytes) * 1e-6; }

}  // namespace

Lifetimes::Lifetimes(const Device& device, const Work& work, const Plan& plan,
                     const Schedule& schedule)
    : device_(device),
      work_(work),
      plan_(plan),
      group_of_(work.ops.size(), 0),
      taken_(plan.groups.size()) {
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    for (OpId op = plan.groups[g].first; op < plan.groups[g].end; ++op) {
      group_of_[static_cast<size_t>(op)] = static_cast<int>(g);
    }
  }
  // Slots of what stays come first.
  for (size_t i = plan.residences.size(); i < schedule.slots.size(); ++i) {
    const Slot& slot = schedule.slots[i];
    Taken& taken = taken_[static_cast<size_t>(slot.first_group)];
    taken.tiles = std::max(taken.tiles, slot.offset + slot.bytes);
  }
  for (const Residence& stays : plan.residences) {
    const int64_t bytes = work.tensor(stays.tensor).bytes();
    for (int g = stays.first_group; g <= stays.last_group; ++g) {
      Taken& taken = taken_[static_cast<size_t>(g)];
      taken.stays += bytes;
      ++taken.tensors;
      if (taken.largest == kNoTensor || work.tensor(taken.largest).bytes() < bytes) {
        taken.largest = stays.tensor;
      }
    }
  }
}

int Lifetimes::first_use(const NpuTensor& tensor) const {
  return tensor.users.empty() ? 0 : group_of(tensor.users.front());
}

int Lifetimes::last_use(const NpuTensor& tensor) const {
  return tensor.users.empty() ? group_of(tensor.producer) : group_of(tensor.users.back());
}

std::string Lifetimes::group_name(int group) const {
  return fmt::format("g{:03} {}", group,
                     work_.op(plan_.groups[static_cast<size_t>(group)].first).name);
}

std::string Lifetimes::room(int group) const {
  const Taken& taken = taken_[static_cast<size_t>(group)];
  std::string text =
      fmt::format("where {:.2f} MB of {:.2f} MB are taken: {:.2f} MB by its tiles",
                  megabytes(taken.all()), megabytes(device_.memory.bytes), megabytes(taken.tiles));
  if (taken.tensors > 0) {
    text += fmt::format(", {:.2f} MB by {} that stay, most by {}", megabytes(taken.stays),
                        taken.tensors == 1 ? "1 tensor" : fmt::format("{} tensors", taken.tensors),
                        work_.tensor(taken.largest).name);
  }
  return text;
}

const Residence* Lifetimes::residence(TensorId id) const {
  const auto found = std::ranges::find(plan_.residences, id, &Residence::tensor);
  return found == plan_.residences.end() ? nullptr : &*found;
}

int Lifetimes::fullest(int first, int last) const {
  int most = first;
  for (int g = first; g <= last; ++g) {
    if (taken_[static_cast<size_t>(g)].all() > taken_[static_cast<size_t>(most)].all()) most = g;
  }
  return most;
}

std::string Lifetimes::why_in_dram(TensorId id) const {
  const NpuTensor& tensor = work_.tensor(id);
  const auto is_on_host = [&](OpId op) { return work_.op(op).on_host; };
  if (is_on_host(tensor.producer)) return "the host makes it, and sees DRAM alone";
  if (std::ranges::any_of(tensor.users, is_on_host))
    return "the host reads it, and sees DRAM alone";
  const int made = group_of(tensor.producer), last = last_use(tensor);
  const int64_t bytes = tensor.bytes();
  if (bytes > device_.memory.bytes) {
    return fmt::format("larger than the memory on the chip, {:.2f} MB",
                       megabytes(device_.memory.bytes));
  }
  const Residence* stays = residence(id);
  const std::string ending = tensor.is_output ? "; it is an output, too" : "";
  if (stays != nullptr && stays->last_group >= last) {
    return "it stays on the chip" + (ending.empty() ? std::string(", and goes out too") : ending);
  }
  if (made == last) return "its group makes it tile by tile and needs it whole" + ending;
  const int from = stays != nullptr ? stays->last_group + 1 : made;
  const int full = fullest(from, last);
  const int64_t free = device_.memory.bytes - taken_[static_cast<size_t>(full)].all();
  std::string text =
      stays != nullptr
          ? fmt::format("it stays up to g{:03} only and is wanted up to g{:03}", stays->last_group,
                        last)
          : fmt::format("it lives across {} groups, g{:03} to g{:03}", last - made + 1, made, last);
  text += free >= bytes ? ", would fit, and the search found nothing to gain from it; fullest is "
                        : ", and does not fit into ";
  return text + group_name(full) + ", " + room(full) + ending;
}

}  // namespace edgefusion::npu
