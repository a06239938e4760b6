#include <algorithm>
#include <utility>

#include "core/json.h"
#include "graph/builder.h"
#include "graph/ops/shape_rules.h"

// The builder's dealings with the weight file: asking for tensors and telling what is wrong.

namespace edgefusion::graph {
namespace {

constexpr size_t kMaxComplaintsTold = 20;

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

std::span<const int64_t> without_trailing_ones(std::span<const int64_t> extents) {
  while (!extents.empty() && extents.back() == 1) extents = extents.first(extents.size() - 1);
  return extents;
}

std::string joined(const std::vector<std::string>& complaints) {
  std::string text;
  const size_t told = std::min(complaints.size(), kMaxComplaintsTold);
  for (size_t i = 0; i < told; ++i) text += (i == 0 ? "" : "; ") + complaints[i];
  if (told < complaints.size()) {
    text += "; and " + std::to_string(complaints.size() - told) + " more";
  }
  return text;
}

}  // namespace

bool GraphBuilder::has_weight(const WeightScope& scope) const {
  return weights_ != nullptr && weights_->find(scope.path()) != nullptr;
}

const Shape* GraphBuilder::weight_shape(const WeightScope& scope) const {
  const ConstTensorView* tensor = weights_ == nullptr ? nullptr : weights_->find(scope.path());
  return tensor == nullptr ? nullptr : &tensor->shape;
}

ValueId GraphBuilder::weight(const WeightScope& scope, Shape shape) {
  const std::string& path = scope.path();
  if (const auto known = weight_values_.find(path); known != weight_values_.end()) {
    const Shape& first = graph_.value(known->second).shape;
    if (first != shape && !guessed_.contains(known->second)) {
      complain(path + ": asked for as " + shape.to_string() + " and as " + first.to_string());
    }
    return known->second;
  }
  if (weights_ != nullptr && check_extents(shape)) check_weight(path, shape);
  Value value;
  value.name = unique_name(path);
  value.shape = shape;
  const ValueId id = add_source(OpKind::weight, WeightAttrs{{path}}, std::move(value));
  weight_values_.emplace(path, id);
  return id;
}

void GraphBuilder::check_weight(const std::string& path, const Shape& shape) {
  const ConstTensorView* tensor = weights_->find(path);
  if (tensor == nullptr) return complain(path + ": missing, expected shape " + shape.to_string());
  if (!std::ranges::equal(without_trailing_ones(tensor->shape.extents()),
                          without_trailing_ones(shape.extents()))) {
    complain(path + ": shape " + tensor->shape.to_string() + ", expected " + shape.to_string());
  }
  if (!is_float(tensor->dtype)) {
    complain(path + ": dtype " + std::string(to_string(tensor->dtype)) +
             ", expected f32, f16 or bf16");
  }
}

void GraphBuilder::complain_of_unused(const std::vector<std::string>& ignored_prefixes) {
  for (const std::string& name : weights_->names()) {
    const bool ignored = std::ranges::any_of(
        ignored_prefixes, [&](const std::string& prefix) { return name.starts_with(prefix); });
    if (ignored || weight_values_.contains(name)) continue;
    complain(printable(name) + ": not a tensor of this network");
  }
}

Result<Graph> GraphBuilder::finish(const std::vector<std::string>& ignored_prefixes) {
  if (weights_ != nullptr) complain_of_unused(ignored_prefixes);
  if (!complaints_.empty()) {
    const std::string origin = weights_ == nullptr ? graph_.name() : weights_->origin();
    return fail(ErrorCode::bad_file, origin + ": " + joined(complaints_));
  }
  return std::exchange(graph_, Graph());
}

}  // namespace edgefusion::graph
