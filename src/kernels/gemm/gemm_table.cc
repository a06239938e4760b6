// The list of gemm kernels, and the choice among them.

#include <utility>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_scalar.h"
#include "kernels/gemm/row_block.h"
#include "kernels/gemm/select.h"

namespace edgefusion::kernels {
namespace {

void find_gemm_rows(const void* context, int64_t row_begin, int64_t rows, const float** tables) {
  const GemmArgs& args = *static_cast<const GemmArgs*>(context);
  for (int64_t r = 0; r < rows; ++r) tables[r] = args.src + (row_begin + r) * args.src_stride;
}

template <size_t kIsa>
size_t blocked_scratch_bytes(const GemmArgs&) noexcept {
  constexpr const Tile& kTile = kBlockIsas[kIsa].tile;
  return expanded_elements(kTile) * sizeof(float) + kTile.block_rows * sizeof(float*);
}

template <size_t kIsa, DType kWeights>
void blocked_gemm(const GemmArgs& args, const GemmRange& range, void* scratch) noexcept {
  constexpr const BlockIsa& kRow = kBlockIsas[kIsa];
  BlockedProduct product;
  product.channels[0] = args.depth;
  product.packed_weights = args.packed_weights;
  product.weights = kWeights;
  product.outputs = args.outputs;
  product.dst = args.dst;
  product.dst_stride = args.dst_stride;
  product.epilogue = args.epilogue;
  BlockScratch work;
  work.expanded = static_cast<float*>(scratch);
  work.tables = reinterpret_cast<const float**>(work.expanded + expanded_elements(kRow.tile));
  run_blocked(product, range, {find_gemm_rows, &args}, work, kRow.tile,
              row_block_variants(kWeights).*kRow.variant);
}

template <size_t kIsa, DType kWeights>
void add_blocked(std::vector<GemmRow>& rows) {
  constexpr const BlockIsa& kRow = kBlockIsas[kIsa];
  if (row_block_variants(kWeights).*kRow.variant == nullptr) return;  // not in this build
  rows.push_back({kernel_name("gemm", kWeights, kRow.tile, kRow.name),
                  kRow.needs,
                  {kWeights},
                  kRow.tile,
                  kRow.cost,
                  blocked_gemm<kIsa, kWeights>,
                  blocked_scratch_bytes<kIsa>});
}

template <size_t... kIsa>
void add_all_blocked(std::vector<GemmRow>& rows, std::index_sequence<kIsa...>) {
  (add_blocked<kIsa, DType::f32>(rows), ...);
  (add_blocked<kIsa, DType::f16>(rows), ...);
  (add_blocked<kIsa, DType::bf16>(rows), ...);
}

std::vector<GemmRow> make_table() {
  std::vector<GemmRow> rows;
  add_all_blocked(rows, std::make_index_sequence<kBlockIsas.size()>());
  for (const DType weights : kWeightTypes) {
    rows.push_back({kernel_name("gemm", weights, kScalarTile, "scalar"),
                    IsaSet(),
                    {weights},
                    kScalarTile,
                    2000,
                    scalar_gemm(weights),
                    [](const GemmArgs&) noexcept -> size_t { return 0; }});
  }
  sort_by_cost(rows);
  return rows;
}

}  // namespace

std::span<const GemmRow> gemm_table() {
  static const std::vector<GemmRow> rows = make_table();
  return rows;
}

const GemmRow& select_gemm(IsaSet isa, const GemmTypes& types) {
  return select_row(gemm_table(), isa, types);
}

void list_gemm_kernels(IsaSet isa, std::vector<KernelInfo>& out) {
  append_typed_kernels("gemm", gemm_table(), isa, out);
}

}  // namespace edgefusion::kernels
