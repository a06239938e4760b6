#include "quant/choose_range.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "quant/decibels.h"

namespace edgefusion::quant {
namespace {

using Bins = std::vector<RangeHistogram::Bin>;

/// Integral of the squared error of rounding to the steps lowest, lowest + step, ..., highest, from
/// somewhere to x: a cubic within the cell of each step, cells of the ends being endless.
class ErrorIntegral {
 public:
  explicit ErrorIntegral(ActivationScale scale)
      : step_(static_cast<double>(scale.scale)),
        first_(-scale.zero_point),
        last_(255 - scale.zero_point) {}

  double until(double x) const {
    const double nearest = std::clamp(std::floor(x / step_ + 0.5), first_, last_);
    const double offset = x - nearest * step_;
    const double half = step_ / 2;
    return (nearest - first_) * step_ * step_ * step_ / 12 +
           (offset * offset * offset + half * half * half) / 3;
  }

  double at(double x) const {
    const double nearest = std::clamp(std::floor(x / step_ + 0.5), first_, last_);
    return (x - nearest * step_) * (x - nearest * step_);
  }

 private:
  double step_, first_, last_;
};

/// A bin this much narrower than a step is a point: the difference of integrals would be rounding.
constexpr double kPointBin = 1e-4;

double noise_sum(const Bins& bins, ActivationScale scale) {
  const ErrorIntegral integral(scale);
  const double point = kPointBin * static_cast<double>(scale.scale);
  double sum = 0;
  for (const auto& bin : bins) {
    if (bin.count == 0) continue;
    const double width = bin.high - bin.low;
    const double mean = width <= point
                            ? integral.at(bin.low)
                            : (integral.until(bin.high) - integral.until(bin.low)) / width;
    sum += static_cast<double>(bin.count) * std::max(mean, 0.0);
  }
  return sum;
}

double signal_sum(const Bins& bins) {
  double sum = 0;
  for (const auto& bin : bins) {
    const double square = (bin.low * bin.low + bin.low * bin.high + bin.high * bin.high) / 3;
    sum += static_cast<double>(bin.count) * square;
  }
  return sum;
}

/// Share of a bin's values that lie below x.
double share_below(const RangeHistogram::Bin& bin, double x) {
  if (x <= bin.low) return 0;
  if (x >= bin.high) return 1;
  return (x - bin.low) / (bin.high - bin.low);
}

double clipped_share(const Bins& bins, int64_t count, ActivationScale scale) {
  if (count == 0) return 0;
  const double half = static_cast<double>(scale.scale) / 2;
  const double low = static_cast<double>(scale.lowest()) - half;
  const double high = static_cast<double>(scale.highest()) + half;
  double outside = 0;
  for (const auto& bin : bins) {
    const double above = bin.high <= high ? 0 : 1 - share_below(bin, high);
    outside += static_cast<double>(bin.count) * (share_below(bin, low) + above);
  }
  return outside / static_cast<double>(count);
}

ActivationRange percentile_range(const RangeHistogram& histogram, double inside) {
  const double cut = (1 - inside) / 2 * static_cast<double>(histogram.count());
  const Bins bins = histogram.bins();
  // Outer edges of the bins in which the counts pass the cut.
  const auto edge = [&](auto begin, auto end, auto edge_of) {
    double passed = 0;
    for (auto bin = begin; bin != end; ++bin) {
      passed += static_cast<double>(bin->count);
      if (passed > cut) return static_cast<float>(edge_of(*bin));
    }
    return 0.0f;
  };
  return {edge(bins.begin(), bins.end(), [](const auto& bin) { return bin.low; }),
          edge(bins.rbegin(), bins.rend(), [](const auto& bin) { return bin.high; })};
}

/// Search over both ends in turn: powers of a coarse ratio first, for outliers of any size, then
/// finer around the best.
class LeastErrorSearch {
 public:
  explicit LeastErrorSearch(const Bins& bins, ActivationRange full)
      : bins_(bins), best_(full), least_(noise_sum(bins, to_scale(full))) {}

  ActivationRange run() {
    constexpr int kRounds = 4;
    for (int round = 0; round < kRounds; ++round) {
      const ActivationRange before = best_;
      // The first round is the coarse one: the ends together, then each alone.
      const int most = round == 0 ? kCoarseSteps : kFineSteps;
      const double ratio = round == 0 ? kCoarseRatio : kFineRatio;
      const ActivationRange centre = best_;
      for (int i = round == 0 ? 0 : -most; i <= most; ++i) {
        const double factor = std::pow(ratio, -i);
        consider(scaled(centre, factor, factor));
      }
      shrink_one_end(most, ratio, round == 0, true);
      shrink_one_end(most, ratio, round == 0, false);
      if (round > 0 && before.low == best_.low && before.high == best_.high) break;
    }
    return best_;
  }

 private:
  static constexpr int kCoarseSteps = 48, kFineSteps = 16;
  static constexpr double kCoarseRatio = 1.1892071150027210667;  // 2^(1/4): 12 octaves
  static constexpr double kFineRatio = 1.0108892860517004600;    // 2^(1/64): a coarse step

  static ActivationRange scaled(ActivationRange range, double low, double high) {
    return {static_cast<float>(static_cast<double>(range.low) * low),
            static_cast<float>(static_cast<double>(range.high) * high)};
  }

  void shrink_one_end(int most, double ratio, bool coarse, bool low_end) {
    const ActivationRange centre = best_;
    for (int i = coarse ? 0 : -most; i <= most; ++i) {
      const double factor = std::pow(ratio, -i);
      consider(low_end ? scaled(centre, factor, 1) : scaled(centre, 1, factor));
    }
  }

  void consider(ActivationRange range) {
    const double noise = noise_sum(bins_, to_scale(range));
    if (noise >= least_) return;
    least_ = noise;
    best_ = range;
  }

  const Bins& bins_;
  ActivationRange best_;
  double least_;
};

}  // namespace

ActivationScale to_scale(ActivationRange range) {
  const double low = std::min(static_cast<double>(range.low), 0.0);
  const double high = std::max(static_cast<double>(range.high), 0.0);
  const auto scale = static_cast<float>((high - low) / 255);
  // Kernels multiply by the inverse, which must be finite too.
  if (!(scale >= std::numeric_limits<float>::min())) return {1.0f, 128};
  const double zero = std::nearbyint(-low / static_cast<double>(scale));
  return {scale, static_cast<int>(std::clamp(zero, 0.0, 255.0))};
}

double expected_noise(const RangeHistogram& histogram, ActivationScale scale) {
  if (histogram.count() == 0) return 0;
  return noise_sum(histogram.bins(), scale) / static_cast<double>(histogram.count());
}

ChosenRange judge_range(const RangeHistogram& histogram, ActivationRange range) {
  ChosenRange chosen = judge_scale(histogram, to_scale(range));
  chosen.range = range;
  return chosen;
}

ChosenRange judge_scale(const RangeHistogram& histogram, ActivationScale scale) {
  const Bins bins = histogram.bins();
  ChosenRange chosen{.range = {scale.lowest(), scale.highest()}, .scale = scale};
  chosen.clipped_share = clipped_share(bins, histogram.count(), chosen.scale);
  chosen.sqnr_db = ratio_db(signal_sum(bins), noise_sum(bins, chosen.scale));
  return chosen;
}

ChosenRange choose_range(const RangeHistogram& histogram, RangeMethod method) {
  ActivationRange range{histogram.lowest(), histogram.highest()};
  if (histogram.count() > 0) {
    if (method == RangeMethod::percentile_99_9) range = percentile_range(histogram, 0.999);
    if (method == RangeMethod::percentile_99_99) range = percentile_range(histogram, 0.9999);
    if (method == RangeMethod::least_error) {
      range = LeastErrorSearch(histogram.bins(), range).run();
    }
  }
  return judge_range(histogram, range);
}

}  // namespace edgefusion::quant
