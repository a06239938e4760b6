#include "graph/builder.h"

namespace edgefusion::graph {

WeightScope WeightScope::operator/(std::string_view name) const {
  if (path_.empty()) return WeightScope(std::string(name));
  return WeightScope(path_ + "." + std::string(name));
}

WeightScope WeightScope::operator/(int index) const { return *this / std::to_string(index); }

}  // namespace edgefusion::graph
