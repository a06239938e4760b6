#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "graph/ops/reference.h"
#include "npu/attention_heads.h"
#include "npu/run_op.h"

namespace edgefusion::npu {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

const graph::AttentionAttrs& attention(const Op& op) {
  return std::get<graph::AttentionAttrs>(op.attrs);
}

/// The places of keys, in order, as rows of channels of one batch item.
std::vector<const float*> key_rows(const Dense& operand, const NpuTensor& tensor, int64_t n,
                                   KeyRange keys) {
  std::vector<const float*> rows;
  const int64_t columns = tensor.extent[kColumns];
  for (int64_t key = keys.begin; key < keys.end; ++key) {
    rows.push_back(operand.at(n, key / columns, key % columns));
  }
  return rows;
}

/// Which keys a query sees.
class KeyMask {
 public:
  explicit KeyMask(const OpRun& run) : run_(run) {
    if (run.op.operands.size() > 1) mask_ = run.operand(1, run.command.out);
  }
  bool keeps(int64_t n, int64_t query, int64_t key) const {
    if (attention(run_.op).causal && key > query) return false;
    if (mask_.values.empty()) return true;
    const Box& box = mask_.box;
    const int64_t channels = box.extent(kChannels), columns = box.extent(kColumns);
    const float* place = mask_.at(n, key / (channels * columns), key / channels % columns);
    return place[key % channels] != 0.0f;
  }

 private:
  const OpRun& run_;
  Dense mask_{Box{}};
};

/// One query of one head: scores of `keys` become weights.
struct SoftmaxRow {
  std::vector<double> scores;
  std::vector<bool> kept;
  double largest = kNothing;

  SoftmaxRow(const float* src, size_t count, double scale, auto&& keeps)
      : scores(count), kept(count) {
    for (size_t t = 0; t < count; ++t) {
      scores[t] = static_cast<double>(src[t]) * scale;
      kept[t] = keeps(static_cast<int64_t>(t));
      if (kept[t]) largest = std::max(largest, scores[t]);
    }
  }
  /// exp(score - maximum), and their sum.
  double raise(double maximum) {
    double sum = 0;
    for (size_t t = 0; t < scores.size(); ++t) {
      scores[t] = kept[t] ? std::exp(scores[t] - maximum) : 0.0;
      sum += scores[t];
    }
    return sum;
  }
};

void divide(std::vector<double>& scores, double sum) {
  for (double& score : scores) score = sum == 0 ? 0.0 : score / sum;
}

/// Takes the block into maximum and sum, and leaves the factor of what was summed before.
void go_on(SoftmaxRow& row, Dense& state, bool begins, int64_t n, int64_t line, int64_t column) {
  const double before = begins ? kNothing : state.exact(n, line, column, 0, 0);
  const double sum_before = begins ? 0.0 : state.exact(n, line, column, 1, 0);
  const double maximum = std::max(before, row.largest);
  const double factor = before == kNothing ? 0.0 : std::exp(before - maximum);
  const double sum = row.raise(maximum);
  state.set_exact(n, line, column, 0, 0, maximum);
  state.set_exact(n, line, column, 1, 0, sum_before * factor + sum);
  state.set_exact(n, line, column, 2, 0, factor);
}

void correct_sums(const OpRun& run) {
  const bool finishes = run.command.part == Part::finish;
  Dense result(run.command.out);
  for (const HeadPart& part : head_parts(run.work, run.op, run.command.out)) {
    const Dense sums = run.memory.read(run.command.reads[0], part.out);
    const Dense state = run.memory.read(run.command.reads[1], state_box(part));
    const int64_t width = part.out.extent(kChannels);
    const int64_t first = part.out.begin[kChannels] - result.box.begin[kChannels];
    for_each_place(part.out, [&](int64_t n, int64_t line, int64_t column) {
      const double divisor = state.exact(n, line, column, 1, 0);
      const double factor = state.exact(n, line, column, 2, 0);
      const float* src = sums.at(n, line, column);
      float* dst = result.at(n, line, column) + first;
      for (int64_t c = 0; c < width; ++c) {
        const auto sum = static_cast<double>(src[c]);
        const double finished = divisor == 0 ? 0.0 : sum / divisor;
        dst[c] = static_cast<float>(finishes ? finished : sum * factor);
      }
    });
  }
  run.memory.write(run.command.writes[0], result);
}

/// Values of the keys as [keys, width] in double.
std::vector<double> value_matrix(const std::vector<const float*>& rows, int64_t width) {
  std::vector<double> matrix;
  matrix.reserve(rows.size() * static_cast<size_t>(width));
  for (const float* row : rows) matrix.insert(matrix.end(), row, row + width);
  return matrix;
}

/// Keys as [width, keys] in double.
std::vector<double> key_matrix(const std::vector<const float*>& rows, int64_t width) {
  std::vector<double> matrix(rows.size() * static_cast<size_t>(width));
  for (size_t t = 0; t < rows.size(); ++t) {
    for (int64_t c = 0; c < width; ++c) {
      matrix[static_cast<size_t>(c) * rows.size() + t] = static_cast<double>(rows[t][c]);
    }
  }
  return matrix;
}

Box item_of(const Box& box, int64_t n) { return box.with(kBatch, n, n + 1); }

void mix_head(const OpRun& run, const HeadPart& part, const Dense* before, Dense& result) {
  const Op& op = run.op;
  const NpuTensor& v_tensor = run.work.tensor(op.operands[1].tensor);
  const Box all_keys = needed(run.work, op, 0, part.out);
  const Box scores_box = all_keys.intersection(run.command.reads[0].box);
  const KeyRange keys = keys_of(op, part.head, scores_box);
  const Dense scores = run.memory.read(run.command.reads[0], scores_box);
  const Dense values = run.memory.read(
      run.command.reads[1], with_keys(v_tensor, needed(run.work, op, 1, part.out), keys));
  const int64_t width = part.out.extent(kChannels);
  const int64_t first = part.out.begin[kChannels] - result.box.begin[kChannels];
  std::vector<double> weights(static_cast<size_t>(keys.count()));
  std::vector<double> sums(static_cast<size_t>(width));
  for (int64_t item = part.out.begin[kBatch]; item < part.out.end[kBatch]; ++item) {
    const auto matrix = value_matrix(key_rows(values, v_tensor, item, keys), width);
    for_each_place(item_of(part.out, item), [&](int64_t n, int64_t line, int64_t column) {
      std::copy_n(scores.at(n, line, column), keys.count(), weights.begin());
      std::fill(sums.begin(), sums.end(), 0.0);
      graph::multiply_row(weights, matrix.data(), sums);
      for (int64_t c = 0; before != nullptr && c < width; ++c) {
        sums[static_cast<size_t>(c)] += static_cast<double>(before->at(n, line, column)[first + c]);
      }
      graph::store_row(sums, {}, result.at(n, line, column) + first);
    });
  }
}

}  // namespace

void run_scores(const OpRun& run) {
  const NpuTensor& k_tensor = run.work.tensor(run.op.operands[1].tensor);
  Dense result(run.command.out);
  for (const HeadPart& part : head_parts(run.work, run.op, run.command.out)) {
    const Dense q = run.operand(0, part.out), k = run.operand(1, part.out);
    const KeyRange keys = keys_of(run.op, part.head, part.out);
    const int64_t width = q.box.extent(kChannels);
    const int64_t first = part.out.begin[kChannels] - result.box.begin[kChannels];
    std::vector<double> query(static_cast<size_t>(width));
    std::vector<double> sums(static_cast<size_t>(keys.count()));
    for (int64_t item = part.out.begin[kBatch]; item < part.out.end[kBatch]; ++item) {
      const auto matrix = key_matrix(key_rows(k, k_tensor, item, keys), width);
      for_each_place(item_of(part.out, item), [&](int64_t n, int64_t line, int64_t column) {
        std::copy_n(q.at(n, line, column), width, query.begin());
        std::fill(sums.begin(), sums.end(), 0.0);
        graph::multiply_row(query, matrix.data(), sums);
        graph::store_row(sums, {}, result.at(n, line, column) + first);
      });
    }
  }
  run.memory.write(run.command.writes[0], result);
}

void run_softmax(const OpRun& run) {
  const Command& command = run.command;
  const bool is_online = command.part != Part::all;
  const bool begins = command.part == Part::first;
  const auto scale = static_cast<double>(attention(run.op).scale);
  const int64_t columns = run.work.tensor(run.op.output).extent[kColumns];
  const KeyMask mask(run);
  const Dense scores = run.operand(0, command.out);
  Dense result(command.out);
  std::vector<Dense> states;
  for (const HeadPart& part : head_parts(run.work, run.op, command.out)) {
    const KeyRange keys = keys_of(run.op, part.head, part.out);
    const int64_t first = part.out.begin[kChannels] - command.out.begin[kChannels];
    Dense state(is_online ? state_box(part) : Box{}, run.memory.lanes_of(run.op.state));
    if (is_online && !begins) state = run.memory.read(command.reads.back(), state.box);
    for_each_place(part.out, [&](int64_t n, int64_t line, int64_t column) {
      SoftmaxRow row(
          scores.at(n, line, column) + first, static_cast<size_t>(keys.count()), scale,
          [&](int64_t t) { return mask.keeps(n, line * columns + column, keys.begin + t); });
      if (is_online) {
        go_on(row, state, begins, n, line, column);
      } else {
        divide(row.scores, row.raise(row.largest));
      }
      std::transform(row.scores.begin(), row.scores.end(), result.at(n, line, column) + first,
                     [](double weight) { return static_cast<float>(weight); });
    });
    if (is_online) states.push_back(std::move(state));
  }
  run.memory.write(command.writes[0], result);
  for (const Dense& state : states) run.memory.write(command.writes[1], state);
}

void run_mix(const OpRun& run) {
  if (run.command.part == Part::rescale || run.command.part == Part::finish) {
    correct_sums(run);
    return;
  }
  const bool adds = run.command.part == Part::more;
  Dense before{Box{}};
  if (adds) before = run.memory.read(run.command.writes[0], run.command.out);
  Dense result(run.command.out);
  for (const HeadPart& part : head_parts(run.work, run.op, run.command.out)) {
    mix_head(run, part, adds ? &before : nullptr, result);
  }
  run.memory.write(run.command.writes[0], result);
}

}  // namespace edgefusion::npu
