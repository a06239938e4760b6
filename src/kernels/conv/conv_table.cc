// The list of convolution kernels, and the choice among them.

#include <utility>

#include "kernels/conv/conv.h"
#include "kernels/conv/conv_blocked.h"
#include "kernels/conv/conv_scalar.h"
#include "kernels/gemm/gemm_scalar.h"
#include "kernels/gemm/select.h"

namespace edgefusion::kernels {
namespace {

template <size_t kIsa>
size_t blocked_scratch_bytes(const ConvShape& shape) noexcept {
  return blocked_conv_scratch_bytes(shape, kBlockIsas[kIsa].tile);
}

template <size_t kIsa, DType kWeights>
void blocked_conv(const ConvArgs& args, const GemmRange& range, void* scratch) noexcept {
  run_blocked_conv(args, range, scratch, kBlockIsas[kIsa], kWeights);
}

template <size_t kIsa, DType kWeights>
void add_blocked(std::vector<ConvRow>& rows) {
  constexpr const BlockIsa& kRow = kBlockIsas[kIsa];
  if (row_block_variants(kWeights).*kRow.variant == nullptr) return;  // not in this build
  rows.push_back({kernel_name("conv", kWeights, kRow.tile, kRow.name),
                  kRow.needs,
                  {kWeights},
                  kRow.tile,
                  kRow.cost,
                  blocked_conv<kIsa, kWeights>,
                  blocked_scratch_bytes<kIsa>});
}

template <size_t... kIsa>
void add_all_blocked(std::vector<ConvRow>& rows, std::index_sequence<kIsa...>) {
  (add_blocked<kIsa, DType::f32>(rows), ...);
  (add_blocked<kIsa, DType::f16>(rows), ...);
  (add_blocked<kIsa, DType::bf16>(rows), ...);
}

std::vector<ConvRow> make_table() {
  std::vector<ConvRow> rows;
  add_all_blocked(rows, std::make_index_sequence<kBlockIsas.size()>());
  for (const DType weights : kWeightTypes) {
    rows.push_back({kernel_name("conv", weights, kScalarTile, "scalar"),
                    IsaSet(),
                    {weights},
                    kScalarTile,
                    2000,
                    scalar_conv(weights),
                    [](const ConvShape&) noexcept -> size_t { return 0; }});
  }
  sort_by_cost(rows);
  return rows;
}

}  // namespace

std::span<const ConvRow> conv_table() {
  static const std::vector<ConvRow> rows = make_table();
  return rows;
}

const ConvRow& select_conv(IsaSet isa, const GemmTypes& types) {
  return select_row(conv_table(), isa, types);
}

void list_conv_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  append_typed_kernels("conv", conv_table(), isa, out);
}

}  // namespace edgefusion::kernels
