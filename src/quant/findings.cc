#include "quant/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "quant/layer_inputs.h"
#include "quant/scheme_times.h"

namespace edgefusion::quant {
namespace {

using graph::AttentionScheme;
using graph::Scheme;

bool can_have(const Layer& layer, Scheme scheme) {
  return std::ranges::count(layer.schemes, scheme) != 0;
}

/// One measurement after the other, with what they share.
class CostFinder {
 public:
  CostFinder(const PictureTrials& trials, const Reference& reference, SchemeBook& book,
             const Calibration& calibration, const FindingOptions& options, const Runtime& runtime)
      : trials_(trials),
        reference_(reference),
        book_(book),
        calibration_(calibration),
        options_(options),
        runtime_(runtime),
        list_(book.list()) {
    findings_.layers.resize(list_.layers.size());
    findings_.attentions.resize(list_.attentions.size());
  }

  Result<Findings> run() {
    EF_TRY_STATUS(time_everything());
    findings_.has_sensitivity = options_.sensitivity;
    if (!options_.sensitivity) return std::move(findings_);
    count_work();
    for (size_t i = 0; i < list_.layers.size(); ++i) EF_TRY_STATUS(try_layer(i));
    for (size_t i = 0; i < list_.attentions.size(); ++i) EF_TRY_STATUS(try_attention(i));
    return std::move(findings_);
  }

 private:
  /// Every layer that can have it in one scheme, the others in bf16.
  Assignment uniform(Scheme scheme) const {
    Assignment assignment = all_bf16(list_);
    for (size_t i = 0; i < list_.layers.size(); ++i) {
      if (can_have(list_.layers[i], scheme) && was_observed(i, scheme)) {
        assignment.layers[i] = scheme;
      }
    }
    return assignment;
  }

  bool was_observed(size_t index, Scheme scheme) const {
    return !graph::has_int8_activations(scheme) ||
           !inputs_of(list_.layers[index], calibration_).sources.empty();
  }

  Status time_everything() {
    EF_TRY_STATUS(time_assignment(all_bf16(list_)));
    for (const Scheme scheme : options_.schemes) {
      if (scheme != Scheme::bf16) EF_TRY_STATUS(time_assignment(uniform(scheme)));
    }
    for (const AttentionScheme scheme : options_.attention_schemes) {
      Assignment assignment = all_bf16(list_);
      std::ranges::fill(assignment.attentions, scheme);
      EF_TRY_STATUS(time_assignment(assignment));
    }
    return {};
  }

  Status time_assignment(const Assignment& assignment) {
    report("timing", timed_++, options_.schemes.size() + options_.attention_schemes.size() + 1);
    const Candidate candidate(book_, assignment);
    EF_TRY(const LayerTimes times,
           measure_times(candidate, list_, trials_.latent_shape(), options_.timing_repeats,
                         runtime_, options_.cancel));
    const bool is_first = findings_.fixed_ms.empty();
    if (is_first) findings_.fixed_ms = times.network_ms;
    for (size_t i = 0; i < list_.layers.size(); ++i) {
      const Scheme scheme = assignment.layers[i];
      if (is_first) findings_.fixed_ms[list_.layers[i].network] -= times.layers_ms[i];
      const auto [found, is_new] = findings_.layers[i].try_emplace(scheme);
      if (!is_new) continue;
      found->second.time_ms = times.layers_ms[i];
      found->second.bytes = stored_bytes_of(book_, i, scheme);
    }
    for (size_t i = 0; i < list_.attentions.size(); ++i) {
      if (is_first) findings_.fixed_ms[list_.attentions[i].network] -= times.attentions_ms[i];
      const auto [found, is_new] = findings_.attentions[i].try_emplace(assignment.attentions[i]);
      if (is_new) found->second.time_ms = times.attentions_ms[i];
    }
    return {};
  }

  void count_work() {
    for (const auto& layer : findings_.layers) total_ += layer.size() - 1;
    for (const auto& attention : findings_.attentions) total_ += attention.size() - 1;
  }

  Status try_layer(size_t index) {
    for (auto& [scheme, finding] : findings_.layers[index]) {
      if (scheme == Scheme::bf16) continue;
      report("sensitivity", done_++, total_);
      finding.excluded = reason_against(index, scheme);
      if (!finding.excluded.empty()) continue;
      Assignment assignment = all_bf16(list_);
      assignment.layers[index] = scheme;
      EF_TRY_STATUS(measure(assignment, list_.layers[index].network, finding));
    }
    return {};
  }

  Status try_attention(size_t index) {
    for (auto& [scheme, finding] : findings_.attentions[index]) {
      if (scheme == AttentionScheme::bf16) continue;
      report("sensitivity", done_++, total_);
      Assignment assignment = all_bf16(list_);
      assignment.attentions[index] = scheme;
      EF_TRY_STATUS(measure(assignment, list_.attentions[index].network, finding));
    }
    return {};
  }

  Status measure(const Assignment& assignment, const std::string& network, SchemeFinding& finding) {
    const Candidate candidate(book_, assignment);
    auto deviation = reference_.deviation(trials_, candidate.variant(), network);
    if (deviation) {
      finding.deviation = *deviation;
      return {};
    }
    // check_finite() of the pipeline: bad_file says that the network gave what is no number.
    if (deviation.error().code() != ErrorCode::bad_file) return fail(std::move(deviation).error());
    finding.excluded = "gives numbers that are not finite";
    return {};
  }

  /// Of layers whose inputs calibration saw go wrong.
  std::string reason_against(size_t index, Scheme scheme) {
    if (!graph::has_int8_activations(scheme)) return "";
    for (const ObservedValue* source : inputs_of(list_.layers[index], calibration_).sources) {
      const int64_t bad = source->ranges.nan_count() + source->ranges.infinity_count();
      if (bad > 0) return fmt::format("its input has {} values that are not finite", bad);
    }
    const double clipped = book_.layer(index, scheme).clipped_share;
    if (clipped <= options_.most_clipped) return "";
    return fmt::format("its range cuts off {:.1f} % of its input", 100 * clipped);
  }

  void report(std::string_view what, size_t done, size_t total) const {
    if (options_.progress) options_.progress(what, done, total);
  }

  const PictureTrials& trials_;
  const Reference& reference_;
  SchemeBook& book_;
  const Calibration& calibration_;
  const FindingOptions& options_;
  const Runtime& runtime_;
  const LayerList& list_;
  Findings findings_;
  size_t timed_ = 0, done_ = 0, total_ = 0;
};

}  // namespace

int64_t stored_bytes_of(SchemeBook& book, size_t index, Scheme scheme) {
  const Layer& layer = book.list().layers[index];
  const QuantizedLayer& quantized = book.layer(index, scheme);
  int64_t bytes = 0;
  if (quantized.weights.empty()) {
    const TensorSource& source = *book.model().network(layer.network.c_str()).weights;
    for (const std::string& name : layer.weights) {
      bytes += static_cast<int64_t>(source.find(name)->bytes());
    }
    return bytes;
  }
  for (const auto& [name, weights] : quantized.weights) {
    const size_t numbers = weights.scales.size() + weights.palettes.size();
    bytes += static_cast<int64_t>(weights.codes.size() + numbers * sizeof(float));
  }
  return bytes;
}

Result<Findings> find_costs(const PictureTrials& trials, const Reference& reference,
                            SchemeBook& book, const Calibration& calibration,
                            const FindingOptions& options, const Runtime& runtime) {
  return CostFinder(trials, reference, book, calibration, options, runtime).run();
}

}  // namespace edgefusion::quant
