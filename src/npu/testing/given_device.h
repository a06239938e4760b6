#pragma once

#include "npu/device.h"

namespace edgefusion::npu {

/// A device that does everything, with the memory a test wants.
inline Device given_device(int64_t bytes, int banks = 8, int tensor_engines = 1) {
  Device device;
  device.name = "test-npu";
  device.clock_mhz = 1000;
  device.tensor.count = tensor_engines;
  device.tensor.macs_per_cycle = {64, 64, 128};
  device.vector.lanes = 8;
  device.vector.cycles.fill(1);
  device.memory.bytes = bytes;
  device.memory.banks = banks;
  device.memory.alignment = 64;
  device.dma.bytes_per_cycle = 16;
  device.host.ops = {"embedding", "token_mask", "select_token", "timestep_embedding"};
  device.host.bytes_per_cycle = 8;
  return device;
}

}  // namespace edgefusion::npu
