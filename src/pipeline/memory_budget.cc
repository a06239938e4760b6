#include "pipeline/memory_budget.h"

#include <algorithm>
#include <string>

namespace edgefusion::pipeline {
namespace {

std::string mebibytes(int64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

/// Room for the packed weights of a network that does not fit into `room` as a whole.
std::optional<int64_t> weight_budget(const engine::MemoryForecast& network, int64_t room,
                                     const char* name, int64_t limit, const LogSink& log) {
  if (network.total() <= room) return std::nullopt;
  const int64_t budget = room - network.arena_bytes - network.scratch_bytes;
  log(LogLevel::warn, "memory limit " + mebibytes(limit) + ": " + name + " weights (" +
                          mebibytes(network.weight_bytes) + ") are read again at each pass, " +
                          mebibytes(budget) + " of them in memory at once; this is slower");
  return budget;
}

}  // namespace

int64_t GenerationForecast::peak_bytes() const {
  const int64_t with_unet = unet.total() + (previews ? decoder.total() : 0);
  return base_bytes() + std::max({text_encoder.total(), with_unet, decoder.total()});
}

int64_t GenerationForecast::streamed_peak_bytes() const {
  const int64_t with_unet = unet.streamed_total() + (previews ? decoder.streamed_total() : 0);
  return base_bytes() +
         std::max({text_encoder.streamed_total(), with_unet, decoder.streamed_total()});
}

Result<WeightBudgets> fit_into_memory(const GenerationForecast& forecast, int64_t limit,
                                      bool can_stream, const LogSink& log) {
  if (forecast.peak_bytes() <= limit) return WeightBudgets{};
  if (!can_stream || forecast.streamed_peak_bytes() > limit) {
    const bool saves = forecast.streamed_peak_bytes() < forecast.peak_bytes();
    const std::string streamed = ", or " + mebibytes(forecast.streamed_peak_bytes()) +
                                 " with weights read step by step" +
                                 (can_stream ? "" : ", which takes a folder for packed weights");
    return fail(ErrorCode::resource_exhausted,
                "memory limit " + mebibytes(limit) + ": this picture takes " +
                    mebibytes(forecast.peak_bytes()) + " (" + mebibytes(forecast.used_bytes) +
                    " in use already, and the largest of text encoder " +
                    mebibytes(forecast.text_encoder.total()) + ", U-Net " +
                    mebibytes(forecast.unet.total()) + ", decoder " +
                    mebibytes(forecast.decoder.total()) +
                    (forecast.previews ? "; with previews U-Net and decoder together)" : ")") +
                    (saves ? streamed : ""));
  }
  const int64_t room = limit - forecast.base_bytes();
  // While previewing the decoder lives beside the U-Net: it gets the least, the U-Net the rest.
  const int64_t decoder_room =
      forecast.previews ? std::max(room - forecast.unet.total(), forecast.decoder.streamed_total())
                        : room;
  const int64_t unet_room =
      forecast.previews ? room - std::min(decoder_room, forecast.decoder.total()) : room;
  return WeightBudgets{
      .text_encoder = weight_budget(forecast.text_encoder, room, "text encoder", limit, log),
      .unet = weight_budget(forecast.unet, unet_room, "U-Net", limit, log),
      .decoder = weight_budget(forecast.decoder, decoder_room, "decoder", limit, log)};
}

}  // namespace edgefusion::pipeline
