#include "npu/group_signature.h"

#include <algorithm>
#include <map>

namespace edgefusion::npu {
namespace {

class Signature {
 public:
  Signature(const Work& work, const GroupShape& shape, const std::vector<Resident>& residents)
      : work_(work), shape_(shape), residents_(residents) {
    add(shape.end - shape.first);
    add(work.op(shape.first).on_host ? 1 : 0);
    for (OpId id = shape.first; id < shape.end; ++id) add_op(work.op(id));
  }
  std::vector<int64_t> take() { return std::move(numbers_); }

 private:
  void add(int64_t number) { numbers_.push_back(number); }

  void add_op(const Op& op) {
    for (const auto number : {static_cast<int64_t>(op.kind), static_cast<int64_t>(op.arithmetic),
                              static_cast<int64_t>(op.vector_op),
                              op.then ? 1 + static_cast<int64_t>(*op.then) : int64_t{0}, op.heads,
                              op.keys, static_cast<int64_t>(op.operands.size())}) {
      add(number);
    }
    add_window(op.lines);
    add_window(op.columns);
    for (const Operand& operand : op.operands) {
      add(static_cast<int64_t>(operand.reach));
      add(operand.first);
      add(operand.width);
      add_tensor(operand.tensor);
    }
    add_tensor(op.output);
  }

  void add_window(const Op::Window& window) {
    for (const int64_t number : {window.extent, window.step, window.before, window.enlarge}) {
      add(number);
    }
  }

  /// Its number in the group; when it comes first, all that is to be known of it.
  void add_tensor(TensorId id) {
    const auto [at, is_new] = known_.try_emplace(id, static_cast<int64_t>(known_.size()));
    add(at->second);
    if (!is_new) return;
    const NpuTensor& tensor = work_.tensor(id);
    for (const int64_t extent : tensor.extent) add(extent);
    add(tensor.bits);
    const GroupTensor* role = shape_.find(id);
    add(role == nullptr ? -1 : 2 * static_cast<int64_t>(role->role) + (role->leaves ? 1 : 0));
    const auto resident = std::ranges::find(residents_, id, &Resident::tensor);
    add(resident == residents_.end() ? 0 : resident->stored ? 2 : 1);
  }

  const Work& work_;
  const GroupShape& shape_;
  const std::vector<Resident>& residents_;
  std::vector<int64_t> numbers_;
  std::map<TensorId, int64_t> known_;
};

}  // namespace

std::vector<int64_t> group_signature(const Work& work, const GroupShape& shape,
                                     const std::vector<Resident>& residents) {
  return Signature(work, shape, residents).take();
}

}  // namespace edgefusion::npu
