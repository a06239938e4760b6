#pragma once

#include <vector>

#include "engine/bands.h"
#include "engine/lower_lines.h"
#include "engine/step_watch.h"

namespace edgefusion::engine {

/// A chain ready to run: every node lowered, every picture in its place.
class BandRun {
 public:
  /// `steps` by node of the group.
  BandRun(const BandGroup& group, std::vector<LineStep> steps, const Lowering& lowering);

  /// `clock`, if given, learns the time of each node, as entries from `first_entry` on.
  void run(const RunContext& context, const StepClock* clock, size_t first_entry);

 private:
  struct Picture {
    std::byte* start;  ///< of the window, or of all images
    int64_t line_bytes;
    int64_t image_bytes;  ///< from one image to the next; 0: a window
    int64_t first_line;   ///< that the window holds

    std::byte* line_zero(int64_t image) const;
  };

  LineCall call_of(const BandNode& node, int64_t image) const;
  struct Clock {
    const StepClock* steps;
    size_t first_entry;
  };
  void begin_image(int64_t image, const RunContext& context, const Clock& clock);
  void move_windows(const Band& band, const RunContext& context);
  void run_band(const Band& band, int64_t image, const RunContext& context, const Clock& clock);

  BandGroup group_;
  std::vector<LineStep> steps_;
  std::vector<Picture> pictures_;
};

}  // namespace edgefusion::engine
