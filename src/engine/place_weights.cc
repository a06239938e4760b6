#include "engine/place_weights.h"

#include <memory>
#include <utility>

namespace edgefusion::engine {
namespace {

/// Names a region by all that decides its bytes. The sizes of activations are not among it, so
/// pictures of several sizes share a region as long as they choose the same kernels.
/// The instruction set is: each row of the kernels' tables has it in its name.
RegionKey region_key(const WeightStore& weights, const std::string& network, Precision precision) {
  ContentHasher hasher;
  hasher.add_number(kPackedLayoutVersion);
  hasher.add_text(to_string(precision));
  hasher.add_text(weights.layout().to_hex());
  return {.network = network, .layout = hasher.result(), .bytes = weights.offset()};
}

/// The kept region, packed now if it is not there. Errors: it cannot be kept.
Result<MappedRegion> find_or_pack(WeightStore& weights, const RegionKey& key,
                                  const CompileOptions& options,
                                  const std::function<void()>& pack) {
  const bool keep_in_memory = !options.resident_weight_bytes.has_value();
  if (auto found = options.regions->find(key, keep_in_memory)) {
    weights.compare_with(*found);
    pack();
    const bool agrees = weights.finish_comparing();
    if (!keep_in_memory) found->file->drop_pages(found->offset, found->bytes);
    if (agrees) return std::move(*found);
    options.regions->reject(key);
  }
  const std::unique_ptr<RegionWriter> writer = options.regions->create(key);
  if (writer == nullptr) {
    return fail(ErrorCode::resource_exhausted,
                key.network + ": no folder in which packed weights could be kept");
  }
  weights.write_to(*writer);
  pack();
  EF_TRY_STATUS(weights.finish_writing());
  return writer->finish();
}

}  // namespace

Status place_weights(WeightStore& weights, const std::string& network,
                     const CompileOptions& options, const std::function<void()>& pack) {
  if (options.regions != nullptr && weights.offset() != 0) {
    const RegionKey key = region_key(weights, network, options.precision);
    auto region = find_or_pack(weights, key, options, pack);
    if (region) {
      weights.map(std::move(*region));
      return {};
    }
    if (options.resident_weight_bytes) return fail(std::move(region).error());
  }
  weights.allocate();
  return {};
}

}  // namespace edgefusion::engine
