#include <cmath>
#include <vector>

#include "graph/ops/reference.h"
#include "npu/run_op.h"

namespace edgefusion::npu {
namespace {

const graph::GroupNormAttrs& norm(const Op& op) {
  return std::get<graph::GroupNormAttrs>(op.attrs);
}

/// What is known of one group of one batch item.
struct Moments {
  double mean = 0, deviations = 0, count = 0;
};

// In the statistics, mean and count lie where the sums are planned, the squared deviations where
// the sums of squares are.
Moments moments_at(const Dense& statistics, int64_t n, int64_t group, int64_t groups) {
  return {statistics.exact(n, 0, 0, group, 0), statistics.exact(n, 0, 0, groups + group, 0),
          statistics.exact(n, 0, 0, group, 1)};
}

void set_moments(Dense& statistics, int64_t n, int64_t group, int64_t groups, const Moments& m) {
  statistics.set_exact(n, 0, 0, group, 0, m.mean);
  statistics.set_exact(n, 0, 0, group, 1, m.count);
  statistics.set_exact(n, 0, 0, groups + group, 0, m.deviations);
  statistics.set_exact(n, 0, 0, groups + group, 1, 0);
}

Moments merged(const Moments& a, const Moments& b) {
  if (b.count == 0) return a;
  if (a.count == 0) return b;
  const double count = a.count + b.count;
  const double step = b.mean - a.mean;
  return {a.mean + step * (b.count / count),
          a.deviations + b.deviations + step * step * (a.count * b.count / count), count};
}

/// Both sources of a norm as one: channel c is x's, or c - first channels the second's.
class Sources {
 public:
  Sources(const OpRun& run) : run_(run) {
    for (size_t i = 0; i < run.op.operands.size(); ++i) {
      const Access& read = run.command.reads[i];
      if (read.box.empty()) continue;
      parts_.push_back({run.memory.read(read, read.box), first_channel_of(i)});
    }
  }
  /// Calls visit(x) for what is there of channels [begin, end) of an item, place by place.
  void for_each(int64_t item, int64_t begin, int64_t end, auto&& visit) const {
    if (parts_.empty()) return;
    bool together = true;
    for (const Source& part : parts_) together = together && same_places(part.values.box);
    if (together) {
      for_each_place(item_of(parts_[0].values.box, item), [&](int64_t n, int64_t h, int64_t w) {
        for (const Source& part : parts_) visit_channels(part, begin, end, n, h, w, visit);
      });
      return;
    }
    for (const Source& part : parts_) {
      for_each_place(item_of(part.values.box, item), [&](int64_t n, int64_t h, int64_t w) {
        visit_channels(part, begin, end, n, h, w, visit);
      });
    }
  }

 private:
  struct Source {
    Dense values;
    int64_t first;  // its channel 0, counted over all sources
  };
  int64_t first_channel_of(size_t index) const {
    int64_t first = 0;
    for (size_t i = 0; i < index; ++i) {
      first += run_.work.tensor(run_.op.operands[i].tensor).extent[kChannels];
    }
    return first;
  }
  bool same_places(const Box& box) const {
    return box.with(kChannels, 0, 1) == parts_[0].values.box.with(kChannels, 0, 1);
  }
  static Box item_of(const Box& box, int64_t n) {
    return box.intersection(box.with(kBatch, n, n + 1));
  }
  static void visit_channels(const Source& part, int64_t begin, int64_t end, int64_t n, int64_t h,
                             int64_t w, auto&& visit) {
    const Box& box = part.values.box;
    const float* row = part.values.at(n, h, w);
    const int64_t from = std::max(begin - part.first, box.begin[kChannels]);
    const int64_t to = std::min(end - part.first, box.end[kChannels]);
    for (int64_t c = from; c < to; ++c) visit(static_cast<double>(row[c - box.begin[kChannels]]));
  }

  const OpRun& run_;
  std::vector<Source> parts_;
};

Moments moments_of(const Sources& sources, int64_t item, int64_t begin, int64_t end) {
  Moments result;
  double sum = 0;
  sources.for_each(item, begin, end, [&](double x) {
    sum += x;
    result.count += 1;
  });
  if (result.count == 0) return result;
  result.mean = sum / result.count;
  sources.for_each(item, begin, end,
                   [&](double x) { result.deviations += (x - result.mean) * (x - result.mean); });
  return result;
}

size_t operand_in_slot(const Op& op, int slot) {
  size_t i = 0;
  while (i < op.operands.size() && op.operands[i].slot != slot) ++i;
  return i;
}

}  // namespace

void run_group_stats(const OpRun& run) {
  const Command& command = run.command;
  int64_t channels = 0;
  for (const Operand& operand : run.op.operands) {
    channels += run.work.tensor(operand.tensor).extent[kChannels];
  }
  const int64_t groups = norm(run.op).groups, width = channels / groups;
  const Sources sources(run);
  Dense result(command.out, run.memory.lanes_of(run.op.output));
  if (command.part == Part::more) result = run.memory.read(command.writes[0], command.out);
  for (int64_t n = command.out.begin[kBatch]; n < command.out.end[kBatch]; ++n) {
    for (int64_t group = 0; group < groups; ++group) {
      Moments all = moments_of(sources, n, group * width, (group + 1) * width);
      if (command.part == Part::more) {
        all = merged(moments_at(result, n, group, groups), all);
      }
      set_moments(result, n, group, groups, all);
    }
  }
  run.memory.write(command.writes[0], result);
}

void run_group_apply(const OpRun& run) {
  using Slots = graph::NormSlots;
  const Box& out = run.command.out;
  const auto& attrs = norm(run.op);
  const int64_t groups = attrs.groups;
  const int64_t width = run.work.tensor(run.op.output).extent[kChannels] / groups;
  const size_t second_index = operand_in_slot(run.op, Slots::x2);
  const bool has_second = second_index < run.op.operands.size();
  const Dense x = run.operand(operand_in_slot(run.op, Slots::x), out);
  const Dense x2 = has_second ? run.operand(second_index, out) : Dense(Box{});
  const Dense gamma = run.operand(operand_in_slot(run.op, Slots::gamma), out);
  const Dense beta = run.operand(operand_in_slot(run.op, Slots::beta), out);
  const Dense statistics = run.operand(operand_in_slot(run.op, -1), out);
  Dense result(out);
  for_each_place(out, [&](int64_t n, int64_t line, int64_t column) {
    const int64_t own = x.box.extent(kChannels);  // of x among the channels asked for
    const float* first = own > 0 ? x.at(n, line, column) : nullptr;
    const float* second = own < out.extent(kChannels) ? x2.at(n, line, column) : nullptr;
    float* dst = result.at(n, line, column);
    int64_t group = -1;
    double mean = 0, factor = 0;
    for (int64_t c = 0; c < out.extent(kChannels); ++c) {
      if (const int64_t its = (out.begin[kChannels] + c) / width; its != group) {
        group = its;
        const Moments moments = moments_at(statistics, n, group, groups);
        mean = moments.mean;
        factor =
            1.0 / std::sqrt(moments.deviations / moments.count + static_cast<double>(attrs.eps));
      }
      const auto value = static_cast<double>(c < own ? first[c] : second[c - own]);
      const double normed = (value - mean) * factor;
      const double y = normed * static_cast<double>(gamma.values[static_cast<size_t>(c)]) +
                       static_cast<double>(beta.values[static_cast<size_t>(c)]);
      dst[c] = static_cast<float>(graph::activate(attrs.activation, y));
    }
  });
  run.memory.write(run.command.writes[0], result);
}

}  // namespace edgefusion::npu
