// links: npu core
// Any bytes as a description of an NPU: refused with one line, or a device all of whose numbers can
// be divided by and added up.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "npu/device.h"

namespace {

using namespace edgefusion;

void check_rate(double rate, bool may_be_zero) {
  EF_CHECK(std::isfinite(rate) && (rate > 0 || (may_be_zero && rate == 0)), "a rate that is none");
}

void check_device(const npu::Device& device) {
  EF_CHECK(!device.name.empty() && device.name.find('\n') == std::string::npos, "name");
  check_rate(device.clock_mhz, false);
  check_rate(device.dma.bytes_per_cycle, false);
  check_rate(device.host.bytes_per_cycle, device.host.ops.empty());
  for (const double rate : device.tensor.macs_per_cycle) check_rate(rate, true);
  for (const double rate : device.vector.cycles) check_rate(rate, true);
  EF_CHECK(device.tensor.count > 0 && device.vector.count > 0 && device.dma.channels > 0, "units");
  EF_CHECK(device.vector.lanes > 0, "lanes");
  EF_CHECK(device.tensor.align_rows > 0 && device.tensor.align_outputs > 0 &&
               device.tensor.align_inputs > 0,
           "sides of the array");
  EF_CHECK(device.tensor.setup_cycles >= 0 && device.vector.setup_cycles >= 0 &&
               device.dma.setup_cycles >= 0 && device.host.hand_over_cycles >= 0 &&
               device.hand_over_cycles >= 0,
           "cycles below zero");
  const npu::OnChipMemory& memory = device.memory;
  EF_CHECK(memory.bytes > 0 && memory.banks > 0 && memory.alignment > 0, "memory");
  EF_CHECK(memory.bytes % memory.banks == 0 && memory.bank_bytes() % memory.alignment == 0,
           "banks");
  for (const std::string& op : device.host.ops) EF_CHECK(npu::is_host_op_name(op), "host op");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto device = npu::parse_device(text, "device.json");
  if (device) {
    check_device(*device);
  } else {
    EF_CHECK(device.error().message().find('\n') == std::string::npos, "message of several lines");
  }
  return 0;
}
