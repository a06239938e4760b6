#include "npu/run_memory.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace edgefusion::npu {
namespace {

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();
// Four floats are two doubles.
constexpr int kExactLanes = 4;

}  // namespace

Dense::Dense(const Box& part, int floats_each)
    : box(part),
      lanes(floats_each),
      values(static_cast<size_t>(part.elements() * floats_each), kPoison) {}

double Dense::exact(int64_t n, int64_t line, int64_t column, int64_t channel, int which) const {
  double value = 0;
  std::memcpy(&value, at(n, line, column) + channel * lanes + 2 * which, sizeof value);
  return value;
}

void Dense::set_exact(int64_t n, int64_t line, int64_t column, int64_t channel, int which,
                      double value) {
  std::memcpy(at(n, line, column) + channel * lanes + 2 * which, &value, sizeof value);
}

void for_each_place(const Box& box, const std::function<void(int64_t, int64_t, int64_t)>& visit) {
  for (int64_t n = box.begin[kBatch]; n < box.end[kBatch]; ++n) {
    for (int64_t line = box.begin[kLines]; line < box.end[kLines]; ++line) {
      for (int64_t column = box.begin[kColumns]; column < box.end[kColumns]; ++column) {
        visit(n, line, column);
      }
    }
  }
}

RunMemory::RunMemory(const Device& device, const Work& work, const Schedule& schedule,
                     Source source)
    : device_(device),
      work_(work),
      schedule_(schedule),
      source_(std::move(source)),
      on_chip_(static_cast<size_t>(device.memory.bytes), kPoison),
      held_(schedule.slots.size()),
      dram_(work.tensors.size()) {}

int RunMemory::lanes_of(TensorId id) const {
  const NpuTensor& tensor = work_.tensor(id);
  if (tensor.producer < 0) return 1;
  const Op& op = work_.op(tensor.producer);
  const bool is_exact = op.kind == OpKind::group_stats || op.state == id;
  EF_CHECK(!is_exact || tensor.bits == 32, tensor.name + " has other than 32 bits");
  return is_exact ? kExactLanes : 1;
}

const std::vector<float>& RunMemory::dram(TensorId id) {
  std::vector<float>& values = dram_[static_cast<size_t>(id)];
  if (values.empty()) {
    const NpuTensor& tensor = work_.tensor(id);
    if (tensor.kind == TensorKind::activation) {
      values.assign(static_cast<size_t>(tensor.box().elements() * lanes_of(id)), kPoison);
    } else {
      values = source_(id);
    }
  }
  return values;
}

RunMemory::Region RunMemory::region(const Access& access) {
  const NpuTensor& tensor = work_.tensor(access.tensor);
  if (access.slot == kDram) {
    dram(access.tensor);
    return {dram_[static_cast<size_t>(access.tensor)].data(), tensor.box(),
            8 * lanes_of(access.tensor)};
  }
  const Slot& slot = schedule_.slots[static_cast<size_t>(access.slot)];
  if (tensor.bits < 8) return {few_bits_[access.slot].data(), access.held, 8};
  EF_CHECK(slot.offset >= 0 && slot.offset + tensor.bytes(access.held) <= device_.memory.bytes,
           slot.label + " lies outside of on-chip memory");
  return {on_chip_.data() + slot.offset, access.held, tensor.bits};
}

void RunMemory::begin(const Access& access) {
  Access& held = held_[static_cast<size_t>(access.slot)];
  if (held.tensor == access.tensor && held.held == access.held) return;
  held = access;
  const Slot& slot = schedule_.slots[static_cast<size_t>(access.slot)];
  std::fill_n(on_chip_.begin() + slot.offset, slot.bytes, kPoison);
  if (work_.tensor(access.tensor).bits < 8) {
    few_bits_[access.slot].assign(static_cast<size_t>(access.held.elements()), kPoison);
  }
}

Dense RunMemory::read(const Access& access, const Box& part) {
  Dense result(part, lanes_of(access.tensor));
  if (part.empty()) return result;
  const Region from = region(access);
  EF_CHECK(from.held.contains(part), part.to_string() + " is not held");
  const auto lanes = static_cast<size_t>(result.lanes);
  for_each_place(part, [&](int64_t n, int64_t line, int64_t column) {
    const int64_t first = first_channel(from.held, n, line, column) + part.begin[kChannels] -
                          from.held.begin[kChannels];
    float* dst = result.at(n, line, column);
    for (int64_t c = 0; c < part.extent(kChannels); ++c, dst += lanes) {
      std::memcpy(dst, from.base + (first + c) * from.eighths / 8, lanes * sizeof(float));
    }
  });
  return result;
}

void RunMemory::write(const Access& access, const Dense& part) {
  if (access.slot != kDram) begin(access);
  const Region to = region(access);
  EF_CHECK(to.held.contains(part.box), part.box.to_string() + " has no place");
  EF_CHECK(part.lanes == lanes_of(access.tensor), "elements of another width");
  const auto lanes = static_cast<size_t>(part.lanes);
  for_each_place(part.box, [&](int64_t n, int64_t line, int64_t column) {
    const int64_t first = first_channel(to.held, n, line, column) + part.box.begin[kChannels] -
                          to.held.begin[kChannels];
    const float* src = part.at(n, line, column);
    for (int64_t c = 0; c < part.box.extent(kChannels); ++c, src += lanes) {
      std::memcpy(to.base + (first + c) * to.eighths / 8, src, lanes * sizeof(float));
    }
  });
}

}  // namespace edgefusion::npu
