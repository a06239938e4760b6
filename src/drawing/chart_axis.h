#pragma once

#include <string>
#include <vector>

namespace edgefusion::drawing {

/// Values beyond this are not drawn: differences of values must stay finite.
inline constexpr double kLargestValue = 1e300;

struct AxisTick {
  double value = 0;
  std::string label;
};

/// A range of values with marks at round numbers inside of it, ascending.
struct ChartAxis {
  double low = 0;
  double high = 1;  ///< above low
  bool logarithmic = false;
  std::vector<AxisTick> ticks;

  /// Where a value lies: 0 at low, 1 at high. On a logarithmic axis the value must be above 0.
  double fraction(double value) const;
};

/// An axis for values in [low, high], both within kLargestValue. `margin` is added at both ends, as
/// a share of the range, but does not take the axis across 0. Equal ends are moved apart. Ticks are
/// multiples of 1, 2 or 5 times a power of ten, about `most_ticks` (at least 2) and never more.
/// Errors: none.
ChartAxis make_linear_axis(double low, double high, double margin, int most_ticks);

/// The same for values in [low, high], 0 < low, at least the smallest normal number. Ticks are
/// powers of ten, with 2 and 5 times those where they are few, and as on a linear axis within less
/// than that.
ChartAxis make_log_axis(double low, double high, double margin, int most_ticks);

/// A number as short as it can be: "0.05", "2k", "1.5M", "1e-4". `step` is the distance to the next
/// tick, which says how many digits matter; 0 stands for all of up to 15.
std::string tick_label(double value, double step = 0);

}  // namespace edgefusion::drawing
