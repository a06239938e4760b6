#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv/conv.h"
#include "kernels/matrix/winograd_transform.h"

namespace edgefusion::kernels {

/// Tiles side by side and the lines of output pixels they make.
struct TileRun {
  int64_t first;  ///< tile, counted from where the run was asked for
  int64_t tiles;
  int64_t pixel;   ///< output pixel of their upper left corner
  int64_t pixels;  ///< of each line
  int64_t lines;   ///< that lie in the picture
};

/// A convolution cut into tiles of kOutputs x kOutputs pixels, counted over N and lines of tiles.
template <int kPatch>
struct WinogradTiling {
  static constexpr bool kEnlarged = kPatch == 3;
  static constexpr int kOutputs = winograd_outputs(kPatch);
  static constexpr int kPositions = winograd_positions(kPatch);

  static int64_t rows(const ConvShape& s) { return (s.out_height() + kOutputs - 1) / kOutputs; }
  static int64_t columns(const ConvShape& s) { return (s.out_width() + kOutputs - 1) / kOutputs; }
  static int64_t image_tiles(const ConvShape& s) { return rows(s) * columns(s); }
  static int64_t tiles(const ConvShape& s) { return s.batch * image_tiles(s); }

  /// The patches as a convolution sees them, with zeros as far as they reach.
  static ConvShape patches(const ConvShape& s) {
    ConvShape patches = s;
    patches.upsample2x = s.upsample2x && !kEnlarged;
    patches.kernel_height = patches.kernel_width = kPatch;
    patches.stride = kEnlarged ? 1 : kOutputs;
    patches.pad_bottom = patches.stride * rows(s) + 2 - patches.in_height() - s.pad_top;
    patches.pad_right = patches.stride * columns(s) + 2 - patches.in_width() - s.pad_left;
    return patches;
  }

  /// Calls body(TileRun) for tiles [tile, tile + count), cut where a line of tiles ends.
  template <typename Body>
  static void for_each_run(const ConvShape& s, int64_t tile, int64_t count, const Body& body) {
    for (int64_t done = 0; done < count;) {
      const int64_t x = (tile + done) % columns(s), line = (tile + done) / columns(s);
      const int64_t image = line / rows(s), y = kOutputs * (line % rows(s));
      TileRun run;
      run.first = done;
      run.tiles = std::min(columns(s) - x, count - done);
      run.pixel = (image * s.out_height() + y) * s.out_width() + kOutputs * x;
      run.pixels = std::min(kOutputs * run.tiles, s.out_width() - kOutputs * x);
      run.lines = std::min<int64_t>(kOutputs, s.out_height() - y);
      body(run);
      done += run.tiles;
    }
  }
};

}  // namespace edgefusion::kernels
