#pragma once

#include <cstdint>
#include <string_view>

#include "npu/device.h"
#include "npu/schedule.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// What does a command.
enum class EngineKind : uint8_t { tensor, vector, dma, host };
constexpr size_t kEngineKinds = 4;
std::string_view to_string(EngineKind kind);
/// Units of a kind that a device has.
int unit_count(const Device& device, EngineKind kind);

EngineKind engine_of(const Work& work, const Command& command);

/// What a command is worth, from the device's rates alone.
struct CommandCost {
  EngineKind engine = EngineKind::vector;
  /// On one engine, set-up included, hand-over not; infinite for what the device does not do.
  double cycles = 0;
  int64_t macs = 0;  ///< true ones, without what alignment adds
  int64_t vector_elements = 0;
  int64_t dram_bytes_read = 0, dram_bytes_written = 0;
  int64_t on_chip_bytes = 0;  ///< read and written by engines and DMA
};
CommandCost command_cost(const Device& device, const Work& work, const Command& command);

}  // namespace edgefusion::npu
