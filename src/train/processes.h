#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "train/process_place.h"

namespace at {
class Tensor;  // for those who include this without libtorch
}

namespace edgefusion::train {

class Parameters;

/// The processes that train one network together, each on samples of its own. All of them call the
/// same functions in the same order; each call waits for the others.
///
/// Errors of every function: io if another process is gone or has not come within the timeout. A
/// process that has ended is noticed at once, for its connections are closed.
class Processes {
 public:
  /// This one alone: nothing waits, nothing is sent.
  Processes();
  ~Processes();
  Processes(Processes&&) noexcept;
  Processes& operator=(Processes&&) noexcept;

  struct Options {
    std::chrono::milliseconds timeout = std::chrono::minutes(5);
    bool cuda = false;  ///< tensors are on a GPU: NCCL instead of Gloo
  };
  /// Meets the others; place.size 1: alone. Errors: io (they do not come, the port is taken),
  /// unsupported (this libtorch cannot).
  static Result<Processes> join(const ProcessPlace& place, const Options& options);

  int64_t rank() const;
  int64_t size() const;
  bool first() const { return rank() == 0; }  ///< the one that writes and speaks

  /// Every gradient becomes the mean over the processes, the same bits in each of them.
  Status average_gradients(const Parameters& parameters);
  /// Every tensor becomes that of the first.
  Status copy_from_first(const Parameters& parameters);
  /// Every value becomes the mean over the processes.
  Status average(std::span<double> values);
  /// The mean of a tensor that has one shape in all of them. Its gradient is that of `mine` alone:
  /// of a loss that every process makes of such means, average_gradients then gives the gradient.
  Result<at::Tensor> mean(const at::Tensor& mine);
  /// Whether any process says so.
  Result<bool> any(bool here);
  /// Whether all processes give these numbers. Errors: also invalid_argument naming the first that
  /// differs, as names[i].
  Status agree(std::span<const int64_t> values, std::span<const std::string> names);
  /// For work of unknown length, such as encoding all pictures.
  static constexpr std::chrono::milliseconds kVeryLong = std::chrono::hours(24);
  /// The first process does `work`, then the others do, who wait `limit` for it (0: the timeout of
  /// everything else). Errors: those of `work`; one for the others if it has failed in the first.
  Status first_before_others(const std::function<Status()>& work,
                             std::chrono::milliseconds limit = {});

 private:
  struct Group;
  std::unique_ptr<Group> group_;  // nullptr: alone
};

}  // namespace edgefusion::train
