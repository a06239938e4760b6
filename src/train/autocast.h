#pragma once

#include <ATen/autocast_mode.h>

namespace edgefusion::train {

/// Products in bf16 while it lives, weights and sums in f32.
class AutocastGuard {
 public:
  explicit AutocastGuard(bool on) : on_(on) {
    if (!on_) return;
    for (const at::DeviceType device : {at::kCPU, at::kCUDA}) {
      at::autocast::set_autocast_dtype(device, at::kBFloat16);
      at::autocast::set_autocast_enabled(device, true);
    }
  }
  ~AutocastGuard() {
    if (!on_) return;
    at::autocast::clear_cache();
    for (const at::DeviceType device : {at::kCPU, at::kCUDA}) {
      at::autocast::set_autocast_enabled(device, false);
    }
  }
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  bool on_;
};

}  // namespace edgefusion::train
