#include "train/processes.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Logging.h>

#include <algorithm>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>
#include <vector>
// A libtorch with NCCL may stand where NCCL's own header does not.
#if defined(USE_C10D_NCCL) && __has_include(<nccl.h>)
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#define EF_HAS_NCCL
#endif

#include "train/parameters.h"

namespace edgefusion::train {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Store = c10::intrusive_ptr<c10d::Store>;
using Backend = c10::intrusive_ptr<c10d::Backend>;
using Work = c10::intrusive_ptr<c10d::Work>;

// Large enough that what a message costs by itself is lost, small enough that the second is on its
// way while the first is copied back.
constexpr int64_t kBucketElements = int64_t{4} << 20;

/// What libtorch says, without the lines of its stack.
std::string first_line(const std::exception& error) {
  const auto* own = dynamic_cast<const c10::Error*>(&error);
  const std::string text = own != nullptr ? own->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

/// Runs `work`, which calls libtorch: its exceptions end here.
Status guarded(const std::string& what, const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    return fail(ErrorCode::io, what + " (" + first_line(error) + ")");
  }
  return {};
}

Store meet(const ProcessPlace& place, Milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = place.port;
  options.isServer = place.rank == 0 && place.agent_prefix.empty();
  options.timeout = timeout;
  options.waitWorkers = false;  // connecting Gloo waits for all anyway, under the same timeout
  auto store = c10::make_intrusive<c10d::TCPStore>(place.address, options);
  if (place.agent_prefix.empty()) return store;
  return c10::make_intrusive<c10d::PrefixStore>(place.agent_prefix, store);
}

Backend connect_gloo(const Store& store, const ProcessPlace& place, Milliseconds timeout) {
  // Processes of one machine need none of its names to be known on the network.
  const bool here = place.address == "localhost" || place.address.starts_with("127.");
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  if (here) {
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
  } else {
    options = c10d::ProcessGroupGloo::Options::create_default(timeout);
  }
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, static_cast<int>(place.rank),
                                                     static_cast<int>(place.size), options);
}

Backend connect(const Store& store, const ProcessPlace& place, const Processes::Options& options) {
#ifdef EF_HAS_NCCL
  if (options.cuda) {
    auto nccl = c10d::ProcessGroupNCCL::Options::create();
    nccl->timeout = options.timeout;
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, static_cast<int>(place.rank),
                                                       static_cast<int>(place.size), nccl);
  }
#endif
  return connect_gloo(store, place, options.timeout);
}

constexpr bool has_nccl() {
#ifdef EF_HAS_NCCL
  return true;
#else
  return false;
#endif
}

/// Tensors that travel as one, flat.
struct Bucket {
  std::vector<at::Tensor> tensors;
  std::vector<at::Tensor> flat;  // one; c10d takes lists
  Work work;

  void flatten() {
    std::vector<at::Tensor> rows;
    for (const at::Tensor& tensor : tensors) rows.push_back(tensor.reshape(-1));
    flat = {at::cat(rows)};
  }

  void wait() const { work->wait(); }

  void copy_back() const {
    int64_t begin = 0;
    for (const at::Tensor& tensor : tensors) {
      tensor.copy_(flat.front().narrow(0, begin, tensor.numel()).view(tensor.sizes()));
      begin += tensor.numel();
    }
  }
};

std::vector<Bucket> buckets_of(const std::vector<at::Tensor>& tensors) {
  std::vector<Bucket> buckets;
  int64_t elements = kBucketElements;
  for (const at::Tensor& tensor : tensors) {
    if (elements + tensor.numel() > kBucketElements) {
      buckets.emplace_back();
      elements = 0;
    }
    buckets.back().tensors.push_back(tensor);
    elements += tensor.numel();
  }
  return buckets;
}

}  // namespace

struct Processes::Group {
  ProcessPlace place;
  at::Device device = at::kCPU;
  Store store;
  Backend backend;

  /// Combines values of all processes, in place.
  void reduce(at::Tensor& values, c10d::ReduceOp::RedOpType how,
              Milliseconds timeout = c10d::kUnsetTimeout) const {
    std::vector<at::Tensor> moved = {values.to(device)};
    c10d::AllreduceOptions options;
    options.reduceOp = how;
    options.timeout = timeout;
    backend->allreduce(moved, options)->wait();
    values = moved.front().to(at::kCPU);
  }

  std::string name() const {
    return "process " + std::to_string(place.rank) + " of " + std::to_string(place.size);
  }
  Status together(const std::function<void()>& work) const {
    const at::NoGradGuard no_grad;
    return guarded(name() + ": another process has ended or does not answer", work);
  }
};

Result<Processes> Processes::join(const ProcessPlace& place, const Options& options) {
  Processes processes;
  if (place.size == 1) return processes;
  if (options.cuda && !has_nccl()) {
    return fail(ErrorCode::unsupported,
                "this program's libtorch has no NCCL: several processes "
                "can train on the CPU only");
  }
  FLAGS_caffe2_log_level = 3;  // its warnings of lost connections would stand beside our message
  processes.group_ = std::make_unique<Group>();
  Group& group = *processes.group_;
  group.place = place;
  if (options.cuda) group.device = at::Device(at::kCUDA, static_cast<int8_t>(place.local_rank));
  EF_TRY_STATUS(guarded(group.name() + ": the others were not met at " + place.address + ":" +
                            std::to_string(place.port),
                        [&] {
                          group.store = meet(place, options.timeout);
                          group.backend = connect(group.store, place, options);
                        }));
  return processes;
}

Status Processes::average_gradients(const Parameters& parameters) {
  if (!group_) return {};
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : parameters.all()) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  return group_->together([&] {
    std::vector<Bucket> buckets = buckets_of(gradients);
    for (Bucket& bucket : buckets) {
      bucket.flatten();
      bucket.work = group_->backend->allreduce(bucket.flat);
    }
    for (Bucket& bucket : buckets) {
      bucket.wait();
      bucket.flat.front().div_(static_cast<double>(size()));
      bucket.copy_back();
    }
  });
}

Status Processes::copy_from_first(const Parameters& parameters) {
  if (!group_) return {};
  std::vector<at::Tensor> tensors;
  for (const auto& [name, parameter] : parameters.all()) tensors.push_back(parameter.detach());
  return group_->together([&] {
    for (Bucket& bucket : buckets_of(tensors)) {
      bucket.flatten();
      bucket.work = group_->backend->broadcast(bucket.flat);
      bucket.wait();
      bucket.copy_back();
    }
  });
}

Status Processes::average(std::span<double> values) {
  if (!group_ || values.empty()) return {};
  return group_->together([&] {
    at::Tensor sums = at::tensor(std::vector<double>(values.begin(), values.end()), at::kDouble);
    group_->reduce(sums, c10d::ReduceOp::SUM);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = sums[static_cast<int64_t>(i)].item<double>() / static_cast<double>(size());
    }
  });
}

Result<at::Tensor> Processes::mean(const at::Tensor& mine) {
  if (!group_) return mine;
  at::Tensor sum = mine.detach().clone(at::MemoryFormat::Contiguous);  // it is reduced in place
  EF_TRY_STATUS(group_->together([&] { group_->reduce(sum, c10d::ReduceOp::SUM); }));
  const at::Tensor mean = sum.to(mine.device()) / size();
  return mine + (mean - mine.detach());
}

Result<bool> Processes::any(bool here) {
  if (!group_) return here;
  at::Tensor said = at::full({1}, here ? 1 : 0, at::kLong);
  EF_TRY_STATUS(group_->together([&] { group_->reduce(said, c10d::ReduceOp::MAX); }));
  return said.item<int64_t>() != 0;
}

Status Processes::agree(std::span<const int64_t> values, std::span<const std::string> names) {
  if (!group_) return {};
  at::Tensor largest = at::tensor(std::vector<int64_t>(values.begin(), values.end()), at::kLong);
  at::Tensor smallest = largest.clone();
  EF_TRY_STATUS(group_->together([&] {
    group_->reduce(largest, c10d::ReduceOp::MAX);
    group_->reduce(smallest, c10d::ReduceOp::MIN);
  }));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto low = smallest[static_cast<int64_t>(i)].item<int64_t>();
    const auto high = largest[static_cast<int64_t>(i)].item<int64_t>();
    if (low == high) continue;
    return fail(ErrorCode::invalid_argument,
                group_->name() + ": " + names[i] + " is " + std::to_string(values[i]) +
                    "; expected the same in all processes, found " + std::to_string(low) + " and " +
                    std::to_string(high));
  }
  return {};
}

Status Processes::first_before_others(const std::function<Status()>& work, Milliseconds limit) {
  if (!group_) return work();
  Status done;
  if (first()) done = work();
  at::Tensor failed = at::full({1}, done ? 0 : 1, at::kLong);
  const Status met = group_->together([&] {
    group_->reduce(failed, c10d::ReduceOp::MAX, limit.count() > 0 ? limit : c10d::kUnsetTimeout);
  });
  if (first()) return done ? met : done;
  EF_TRY_STATUS(Status(met));
  if (failed.item<int64_t>() != 0) {
    return fail(ErrorCode::io, group_->name() + ": process 0 failed; its message says why");
  }
  return work();
}

Processes::Processes() = default;
Processes::~Processes() = default;
Processes::Processes(Processes&&) noexcept = default;
Processes& Processes::operator=(Processes&&) noexcept = default;

int64_t Processes::rank() const { return group_ ? group_->place.rank : 0; }

int64_t Processes::size() const { return group_ ? group_->place.size : 1; }

}  // namespace edgefusion::train
