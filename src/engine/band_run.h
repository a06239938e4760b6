#pragma once

#include <vector>

#include "engine/bands.h"
#include "engine/lower_lines.h"

namespace edgefusion::engine {

/// A chain ready to run: every node lowered, every picture in its place.
class BandRun {
 public:
  /// `steps` by node of the group.
  BandRun(const BandGroup& group, std::vector<LineStep> steps, const Lowering& lowering);

  /// `seconds`, if given, grows by the time of each node.
  void run(const RunContext& context, double* seconds);

 private:
  struct Picture {
    std::byte* start;  ///< of the window, or of all images
    int64_t line_bytes;
    int64_t image_bytes;  ///< from one image to the next; 0: a window
    int64_t first_line;   ///< that the window holds

    std::byte* line_zero(int64_t image) const;
  };

  LineCall call_of(const BandNode& node, int64_t image) const;
  void begin_image(int64_t image, const RunContext& context, double* seconds);
  void move_windows(const Band& band, const RunContext& context);
  void run_band(const Band& band, int64_t image, const RunContext& context, double* seconds);

  BandGroup group_;
  std::vector<LineStep> steps_;
  std::vector<Picture> pictures_;
};

}  // namespace edgefusion::engine
