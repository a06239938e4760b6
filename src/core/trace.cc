#include "core/trace.h"

#include <algorithm>

namespace edgefusion {

Trace::Trace(int threads, size_t spans_per_thread)
    : room_(spans_per_thread), tracks_(static_cast<size_t>(threads)) {
  for (Track& track : tracks_) {
    track.spans = std::make_unique_for_overwrite<TraceSpan[]>(spans_per_thread);
  }
}

int32_t Trace::label(std::string_view name) {
  const auto index = static_cast<int32_t>(std::ranges::find(names_, name) - names_.begin());
  if (static_cast<size_t>(index) == names_.size()) names_.emplace_back(name);
  return index;
}

std::span<const TraceSpan> Trace::spans(int thread) const {
  const Track& track = tracks_[static_cast<size_t>(thread)];
  return {track.spans.get(), track.count};
}

size_t Trace::lost() const {
  size_t sum = 0;
  for (const Track& track : tracks_) sum += track.lost;
  return sum;
}

void Trace::clear() {
  for (Track& track : tracks_) track.count = track.lost = 0;
}

}  // namespace edgefusion
