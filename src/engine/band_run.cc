#include "engine/band_run.h"

#include <cstring>
#include <utility>

namespace edgefusion::engine {
BandRun::BandRun(const BandGroup& group, std::vector<LineStep> steps, const Lowering& lowering)
    : group_(group), steps_(std::move(steps)) {
  for (const BandValue& value : group_.values) {
    pictures_.push_back({.start = lowering.arena_address(value.value),
                         .line_bytes = value.line_bytes,
                         .image_bytes = value.whole ? value.image_bytes() : 0,
                         .first_line = 0});
  }
}

std::byte* BandRun::Picture::line_zero(int64_t image) const {
  return start + image * image_bytes - first_line * line_bytes;
}

LineCall BandRun::call_of(const BandNode& node, int64_t image) const {
  LineCall call;
  for (size_t slot = 0; slot < node.operands.size(); ++slot) {
    const int operand = node.operands[slot];
    if (operand < 0) continue;
    call.operands[slot] = pictures_[static_cast<size_t>(operand)].line_zero(image);
  }
  call.result = pictures_[static_cast<size_t>(node.result)].line_zero(image);
  return call;
}

void BandRun::run(const RunContext& context, const StepClock* steps, size_t first_entry) {
  const Clock clock = {steps, first_entry};
  Trace* trace = steps == nullptr ? nullptr : steps->trace;
  const int32_t label = steps == nullptr ? 0 : steps->label;
  const TraceScope chain(trace, SpanKind::chain, label, static_cast<int32_t>(first_entry));
  for (int64_t image = 0; image < group_.batch; ++image) {
    begin_image(image, context, clock);
    for (const Band& band : group_.bands) {
      {
        const TraceScope copy(trace, SpanKind::copy, label);
        move_windows(band, context);
      }
      run_band(band, image, context, clock);
    }
  }
}

void BandRun::begin_image(int64_t image, const RunContext& context, const Clock& clock) {
  for (Picture& picture : pictures_) picture.first_line = 0;
  for (size_t n = 0; n < steps_.size(); ++n) {
    if (!steps_[n].begin) continue;
    const StepWatch watch(clock.steps, clock.first_entry + n);
    steps_[n].begin(context, call_of(group_.nodes[n], image));
  }
}

void BandRun::move_windows(const Band& band, const RunContext& context) {
  bool any_kept = false;
  for (const BandMove& move : band.moves) {
    pictures_[static_cast<size_t>(move.value)].first_line = move.first_line;
    any_kept = any_kept || move.kept > 0;
  }
  if (!any_kept) return;
  // Every thread moves its own columns, line after line: a line may go where one was before.
  const int parts = context.pool.threads();
  context.pool.parallel_for(parts, [&](int64_t part, int64_t part_end, int) {
    for (const BandMove& move : band.moves) {
      const Picture& picture = pictures_[static_cast<size_t>(move.value)];
      const int64_t first = picture.line_bytes * part / parts;
      const int64_t last = picture.line_bytes * part_end / parts;
      for (int64_t line = 0; line < move.kept; ++line) {
        std::byte* to = picture.start + line * picture.line_bytes + first;
        std::memcpy(to, to + move.by * picture.line_bytes, static_cast<size_t>(last - first));
      }
    }
  });
}

void BandRun::run_band(const Band& band, int64_t image, const RunContext& context,
                       const Clock& clock) {
  for (const BandCall& made : band.calls) {
    const auto n = static_cast<size_t>(made.node);
    const StepWatch watch(clock.steps, clock.first_entry + n);
    LineCall call = call_of(group_.nodes[n], image);
    call.lines = made.lines;
    steps_[n].run(context, call);
  }
}

}  // namespace edgefusion::engine
