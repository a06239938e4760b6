#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "edgefusion/edgefusion.h"
#include "edgefusion/edgefusion_c.h"

struct ef_painter {
  std::optional<edgefusion::Painter> painter;  // absent if opening failed
  std::string open_error;
  std::string last_error;
};

namespace {

/// Writes a text that may itself not fit in memory.
void note(std::string& place, const char* text) noexcept {
  try {
    place = text;
  } catch (const std::exception&) {
    place.clear();
  }
}

std::string text_or_empty(const char* text) { return text == nullptr ? std::string() : text; }

edgefusion::PaintRequest to_request(const ef_request& request, std::atomic<bool>& cancel) {
  edgefusion::PaintRequest result;
  result.prompt = text_or_empty(request.prompt);
  result.negative_prompt = text_or_empty(request.negative_prompt);
  if (request.scheduler != nullptr) result.scheduler = request.scheduler;
  if (request.steps != 0) result.steps = request.steps;
  if (request.width != 0) result.width = request.width;
  if (request.height != 0) result.height = request.height;
  if (!(request.guidance_scale < 0)) result.guidance_scale = request.guidance_scale;
  result.seed = request.seed;
  result.cancel = &cancel;
  if (request.progress != nullptr) {
    result.progress = [&request, &cancel](std::string_view stage, size_t done, size_t total) {
      if (request.progress(request.user, std::string(stage).c_str(), done, total) != 0) {
        cancel = true;
      }
    };
  }
  return result;
}

ef_status paint(ef_painter& painter, const ef_request& request, ef_image& image) {
  if (!painter.painter) {
    painter.last_error = painter.open_error;
    return EF_FAILED;
  }
  std::atomic<bool> cancel = false;
  const edgefusion::PaintOutcome outcome = painter.painter->paint(to_request(request, cancel));
  if (!outcome) {
    painter.last_error = outcome.error;
    return outcome.cancelled ? EF_CANCELLED : EF_FAILED;
  }
  const edgefusion::Picture& picture = outcome.pictures.front();
  auto pixels = std::make_unique<uint8_t[]>(picture.rgb.size());
  std::copy(picture.rgb.begin(), picture.rgb.end(), pixels.get());
  image = {picture.width, picture.height, pixels.release()};
  return EF_OK;
}

}  // namespace

extern "C" {

ef_painter* ef_painter_open(const char* model_folder, int threads, const char* isa) {
  auto* painter = new (std::nothrow) ef_painter;
  if (painter == nullptr) return nullptr;
  try {
    painter->painter = edgefusion::Painter::open(
        text_or_empty(model_folder), {threads, text_or_empty(isa)}, &painter->open_error);
  } catch (const std::exception& exception) {
    note(painter->open_error, exception.what());
  }
  note(painter->last_error, painter->open_error.c_str());
  return painter;
}

void ef_painter_free(ef_painter* painter) { delete painter; }

const char* ef_painter_error(const ef_painter* painter) {
  return painter == nullptr ? "out of memory" : painter->last_error.c_str();
}

void ef_request_defaults(ef_request* request) {
  *request = {};
  request->prompt = "";
  request->guidance_scale = -1;
}

ef_status ef_painter_paint(ef_painter* painter, const ef_request* request, ef_image* image) {
  if (image == nullptr) return EF_FAILED;
  *image = {};
  if (painter == nullptr || request == nullptr) return EF_FAILED;
  painter->last_error.clear();
  try {
    return paint(*painter, *request, *image);
  } catch (const std::exception& exception) {
    note(painter->last_error, exception.what());
    return EF_FAILED;
  }
}

void ef_image_free(ef_image* image) {
  if (image == nullptr) return;
  delete[] image->rgb;
  *image = {};
}

}  // extern "C"
