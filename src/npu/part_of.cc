#include "npu/part_of.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/nearest_name.h"

namespace edgefusion::npu {
namespace {

std::vector<OpId> renumbered(const Work& work, std::string_view prefix) {
  std::vector<OpId> ids(work.ops.size(), -1);
  OpId next = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (work.ops[i].name.starts_with(prefix)) ids[i] = next++;
  }
  return ids;
}

tl::unexpected<Error> no_such_op(const Work& work, std::string_view prefix) {
  std::vector<std::string_view> names;
  for (const Op& op : work.ops) names.push_back(op.name);
  const std::string_view nearest = nearest_name(prefix, names);
  const std::string hint =
      nearest.empty() ? "" : ", did you mean \"" + std::string(nearest) + "\"?";
  return fail(ErrorCode::invalid_argument,
              work.name + ": no op whose name begins with \"" + std::string(prefix) + "\"" + hint);
}

}  // namespace

Result<Work> part_of(const Work& work, std::string_view prefix) {
  const std::vector<OpId> ids = renumbered(work, prefix);
  Work part = work;
  part.name = work.name + " " + std::string(prefix);
  part.ops.clear();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0) part.ops.push_back(work.ops[i]);
  }
  if (part.ops.empty()) return no_such_op(work, prefix);
  for (NpuTensor& tensor : part.tensors) {
    const bool is_made = tensor.producer >= 0 && ids[static_cast<size_t>(tensor.producer)] >= 0;
    std::vector<OpId> users;
    for (const OpId user : tensor.users) {
      const OpId id = ids[static_cast<size_t>(user)];
      if (id >= 0) users.push_back(id);
      if (id < 0 && is_made) tensor.is_output = true;
    }
    if (!is_made && tensor.kind == TensorKind::activation) {
      tensor.kind = TensorKind::input;
      tensor.is_output = false;
    }
    tensor.producer = is_made ? ids[static_cast<size_t>(tensor.producer)] : -1;
    tensor.users = std::move(users);
  }
  return part;
}

}  // namespace edgefusion::npu
