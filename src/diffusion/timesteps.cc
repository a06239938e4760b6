#include "diffusion/timesteps.h"

#include <algorithm>
#include <cmath>

namespace edgefusion::diffusion {

Result<TimestepSpacing> parse_timestep_spacing(const std::string& name) {
  if (name == "linspace") return TimestepSpacing::linspace;
  if (name == "leading") return TimestepSpacing::leading;
  if (name == "trailing") return TimestepSpacing::trailing;
  return fail(ErrorCode::unsupported,
              "timestep_spacing \"" + name + "\", expected linspace, leading or trailing");
}

std::vector<double> linspace(double start, double stop, int count) {
  std::vector<double> values(static_cast<size_t>(count), start);
  if (count <= 1) return values;
  const double step = (stop - start) / (count - 1);
  for (int i = 0; i < count; ++i) values[static_cast<size_t>(i)] = i * step + start;
  values.back() = stop;
  return values;
}

std::vector<double> arange(double start, double stop, double step) {
  const double count = std::ceil((stop - start) / step);
  std::vector<double> values(count > 0 ? static_cast<size_t>(count) : 0);
  const double delta = (start + step) - start;  // numpy takes it from the first two values
  for (size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<double>(i) * delta;
  if (values.size() > 1) values[1] = start + step;
  return values;
}

void round_all(std::vector<double>& values) {
  for (double& value : values) value = std::nearbyint(value);
}

std::vector<double> spaced_timesteps(TimestepSpacing spacing, int steps, int train_steps,
                                     int offset) {
  if (spacing == TimestepSpacing::trailing) {
    std::vector<double> values = arange(train_steps, 0, -static_cast<double>(train_steps) / steps);
    round_all(values);
    for (double& value : values) value -= 1;
    return values;
  }
  std::vector<double> values(static_cast<size_t>(steps));
  if (spacing == TimestepSpacing::linspace) {
    values = linspace(0, train_steps - 1, steps);
  } else {
    const int ratio = train_steps / steps;
    for (int i = 0; i < steps; ++i) values[static_cast<size_t>(i)] = i * ratio + offset;
  }
  std::reverse(values.begin(), values.end());
  return values;
}

std::vector<double> spaced_training_steps(TimestepSpacing spacing, int steps, int train_steps,
                                          int offset) {
  std::vector<double> values = spaced_timesteps(spacing, steps, train_steps, offset);
  round_all(values);
  if (spacing == TimestepSpacing::trailing && values.back() < 0) values.pop_back();
  return values;
}

std::vector<double> spaced_timesteps_dpm(TimestepSpacing spacing, int steps, int train_steps,
                                         int last, int offset) {
  std::vector<double> values;
  if (spacing == TimestepSpacing::trailing) {
    values = arange(last, 0, -static_cast<double>(train_steps) / steps);
    round_all(values);
    for (double& value : values) value -= 1;
    return values;
  }
  if (spacing == TimestepSpacing::linspace) {
    values = linspace(0, last - 1, steps + 1);
    round_all(values);
  } else {
    const int ratio = last / (steps + 1);
    for (int i = 0; i <= steps; ++i) values.push_back(i * ratio + offset);
  }
  // The offset of leading is added after the lowest is dropped, which is the same.
  std::reverse(values.begin(), values.end());
  values.pop_back();
  return values;
}

}  // namespace edgefusion::diffusion
