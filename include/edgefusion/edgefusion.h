#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// EdgeFusion's C++ interface: a model folder is opened once and paints pictures from texts.
/// Nothing here throws but std::bad_alloc; what a caller or a file can cause comes back as a text.
namespace edgefusion {

struct PainterOptions {
  int threads = 0;  ///< 0: one per CPU
  std::string isa;  ///< strongest instruction set to use ("scalar", "avx2", ...); empty: the best
};

/// What to paint. Absent values are the model's defaults.
struct PaintRequest {
  std::string prompt;           ///< UTF-8; what does not fit the text encoder is cut
  std::string negative_prompt;  ///< UTF-8; matters with a guidance scale above 1
  std::optional<int> steps;
  std::optional<double> guidance_scale;  ///< 1 or less: no guidance
  std::optional<int> width, height;      ///< pixels, multiples of 8
  std::optional<std::string> scheduler;  ///< "lcm", "ddim", "euler", "dpmpp2m", ...
  uint64_t seed = 0;  ///< of PyTorch's CPU generator: the same seed, the same noise
  int batch = 1;      ///< pictures at once

  /// Called on the caller's thread: done of total units of a stage ("unet", "decoder", ...).
  std::function<void(std::string_view stage, size_t done, size_t total)> progress;
  /// Set it from anywhere to end the run soon; looked at between steps. Must outlive the call.
  const std::atomic<bool>* cancel = nullptr;
};

/// 8-bit RGB, row by row from the top: width * height * 3 bytes.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;
};

/// Pictures, or why there are none.
struct PaintOutcome {
  std::vector<Picture> pictures;  ///< as many as the batch; none if `error` says why
  std::string error;              ///< one line; empty on success
  bool cancelled = false;         ///< the error is that the caller asked to stop

  explicit operator bool() const { return error.empty(); }
};

/// A model ready to paint, with threads of its own. Movable; one call of paint() at a time.
class Painter {
 public:
  /// Opens a model folder in the diffusers layout. Returns nothing on failure and, if `error` is
  /// given, writes one line there that names the file, what was expected and what was found.
  static std::optional<Painter> open(const std::string& folder, const PainterOptions& options = {},
                                     std::string* error = nullptr);

  Painter(Painter&&) noexcept;
  Painter& operator=(Painter&&) noexcept;
  ~Painter();

  PaintOutcome paint(const PaintRequest& request) const;

 private:
  struct Parts;
  explicit Painter(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace edgefusion
