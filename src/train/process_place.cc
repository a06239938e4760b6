#include "train/process_place.h"

#include <charconv>
#include <optional>

namespace edgefusion::train {
namespace {

using Variable = std::optional<std::string>;

Result<int64_t> number(const char* name, const Variable& variable, int64_t min, int64_t max) {
  int64_t value = 0;
  if (variable) {
    const char* end = variable->data() + variable->size();
    const auto parsed = std::from_chars(variable->data(), end, value);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == end;
    if (whole && value >= min && value <= max) return value;
  }
  return fail(ErrorCode::invalid_argument, std::string("environment: ") + name +
                                               ": expected a number from " + std::to_string(min) +
                                               " to " + std::to_string(max) + ", found " +
                                               (variable ? "\"" + *variable + "\"" : "nothing"));
}

}  // namespace

Result<ProcessPlace> process_place(const Environment& environment) {
  ProcessPlace place;
  if (!environment.world_size) return place;
  EF_TRY(place.size, number("WORLD_SIZE", environment.world_size, 1, 65536));
  if (place.size == 1) return place;
  EF_TRY(place.rank, number("RANK", environment.rank, 0, place.size - 1));
  if (environment.local_rank) {
    EF_TRY(place.local_rank, number("LOCAL_RANK", environment.local_rank, 0, place.size - 1));
  }
  if (!environment.master_address) {
    return fail(ErrorCode::invalid_argument,
                "environment: MASTER_ADDR: expected name or address of the machine that rank 0 "
                "runs on, found nothing");
  }
  place.address = *environment.master_address;
  EF_TRY(const int64_t port, number("MASTER_PORT", environment.master_port, 1, 65535));
  place.port = static_cast<uint16_t>(port);
  if (environment.agent_store == "True") {
    place.agent_prefix = "/worker/attempt_" + environment.restart_count.value_or("0");
  }
  return place;
}

}  // namespace edgefusion::train
