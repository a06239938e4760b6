// Speed of every norm row on shapes of BK-SDM-Tiny at 512 x 512, of its skip connections (two
// sources) and of the decoder, sources and results being of the row's type or u8. bytes_per_second
// counts what moves: each input and output once, but group norm reads its input twice.

#include <benchmark/benchmark.h>

#include "kernels/elementwise/kernel_test_data.h"
#include "kernels/norm/norm.h"

namespace edgefusion::kernels {
namespace {

struct Size {
  size_t rows, channels;
};

constexpr Size kSizes[] = {{4096, 320}, {1024, 640}, {256, 1280}, {77, 768}};
constexpr Size kImage = {size_t{512} * 512, 128};

/// Which sides are u8.
struct Bytes {
  bool src, dst;
  const char* name;
};

constexpr Bytes kBytes[] = {
    {false, false, ""}, {false, true, "_to_u8"}, {true, false, "_from_u8"}, {true, true, "_u8"}};

/// The parts of group norm.
enum class Part { all, moments, merge, apply };

struct PartName {
  Part part;
  const char* name;
};

constexpr PartName kParts[] = {{Part::all, "group_silu"},
                               {Part::moments, "group_moments"},
                               {Part::merge, "group_merge"},
                               {Part::apply, "group_apply_silu"}};

/// Adds what u8 sides of a norm need: any data will do, in memory that is large enough for floats.
template <class Norm>
void use_bytes(const Bytes& bytes, const std::vector<float>& scale,
               const std::vector<float>& inverse_scale, Norm& norm) {
  norm.src_u8 = bytes.src;
  norm.src_scale = scale.data();
  norm.dst_u8 = bytes.dst;
  norm.dst_inverse_scale = inverse_scale.data();
}

/// Bytes of `count` elements of the source, read so many times, and of the result.
int64_t moved_bytes(const NormKernels& kernels, const Bytes& bytes, size_t count, size_t reads,
                    size_t writes) {
  const size_t src = bytes.src ? 1 : size_of(kernels.dtype);
  const size_t dst = bytes.dst ? 1 : size_of(kernels.dtype);
  return static_cast<int64_t>(count * (reads * src + writes * dst));
}

void run_group_norm(benchmark::State& state, const NormKernels& kernels, const Size& size,
                    size_t channels2, Part part, const Bytes& bytes) {
  const size_t first = size.channels - channels2;
  const Stored src(kernels.dtype, random_floats(size.rows * first, 1));
  const Stored src2(kernels.dtype, random_floats(size.rows * channels2, 2));
  Stored dst(kernels.dtype, size.rows * size.channels, 0.0f);
  GroupNorm norm{.src = src.data(),
                 .src2 = channels2 != 0 ? src2.data() : nullptr,
                 .dst = dst.data(),
                 .ld_src = first,
                 .ld_src2 = channels2,
                 .ld_dst = size.channels,
                 .pixels = size.rows,
                 .channels = size.channels,
                 .channels2 = channels2,
                 .groups = 32,
                 .activation = Activation::silu};
  const std::vector<float> src_scale(size.channels, 0.03f);
  const std::vector<float> inverse_scale(size.channels, 30.0f);
  use_bytes(bytes, src_scale, inverse_scale, norm);
  const size_t chunks = group_norm_chunks(norm.pixels);
  std::vector<GroupMoments> moments(chunks * norm.groups);
  std::vector<float> scale(size.channels);
  std::vector<float> shift(size.channels);
  for (auto _ : state) {
    const bool all = part == Part::all;
    if (all || part == Part::moments) kernels.group_norm_moments(norm, 0, chunks, moments.data());
    if (all || part == Part::merge) {
      kernels.group_norm_merge(norm, moments.data(), scale.data(), shift.data());
    }
    if (all || part == Part::apply) {
      kernels.group_norm_apply(norm, scale.data(), shift.data(), 0, norm.pixels);
    }
  }
  const size_t reads = part == Part::all ? 2 : part != Part::merge;
  const size_t writes = part == Part::all || part == Part::apply;
  state.SetBytesProcessed(state.iterations() *
                          moved_bytes(kernels, bytes, dst.size(), reads, writes));
}

void run_layer_norm(benchmark::State& state, const NormKernels& kernels, const Size& size,
                    const Bytes& bytes) {
  const Stored src(kernels.dtype, random_floats(size.rows * size.channels, 1));
  const std::vector<float> gamma = random_floats(size.channels, 2);
  const std::vector<float> beta = random_floats(size.channels, 3);
  Stored dst(kernels.dtype, src.size(), 0.0f);
  LayerNorm norm{.src = src.data(),
                 .dst = dst.data(),
                 .ld_src = size.channels,
                 .ld_dst = size.channels,
                 .channels = size.channels,
                 .gamma = gamma.data(),
                 .beta = beta.data()};
  const std::vector<float> src_scale(size.channels, 0.03f);
  const std::vector<float> inverse_scale(size.channels, 30.0f);
  use_bytes(bytes, src_scale, inverse_scale, norm);
  for (auto _ : state) kernels.layer_norm(norm, 0, size.rows);
  state.SetBytesProcessed(state.iterations() * moved_bytes(kernels, bytes, dst.size(), 1, 1));
}

std::string label(const NormKernels& kernels, const std::string& what, const Size& size) {
  return std::string(kernels.name) + "/" + what + "/" + std::to_string(size.rows) + "x" +
         std::to_string(size.channels);
}

void register_group(const NormKernels& kernels, const Size& size) {
  for (const PartName& part : kParts) {
    for (const Bytes& bytes : kBytes) {
      const bool same = part.part == Part::merge || (part.part == Part::moments && bytes.dst);
      if (same && (bytes.src || bytes.dst)) continue;
      const std::string what = std::string(part.name) + bytes.name;
      benchmark::RegisterBenchmark(label(kernels, what, size).c_str(), run_group_norm, kernels,
                                   size, 0, part.part, bytes);
    }
  }
}

void register_all() {
  for (const NormKernels& kernels : usable_rows(norm_kernels())) {
    for (const Size& size : kSizes) {
      register_group(kernels, size);
      for (const Bytes& bytes : kBytes) {
        const std::string what = std::string("layer") + bytes.name;
        benchmark::RegisterBenchmark(label(kernels, what, size).c_str(), run_layer_norm, kernels,
                                     size, bytes);
      }
    }
    register_group(kernels, kImage);
    const Size skip = {4096, 960};
    for (const Bytes& bytes : {kBytes[0], kBytes[1]}) {
      const std::string what = std::string("group_silu_2_sources") + bytes.name;
      benchmark::RegisterBenchmark(label(kernels, what, skip).c_str(), run_group_norm, kernels,
                                   skip, 320, Part::all, bytes);
    }
  }
}

}  // namespace
}  // namespace edgefusion::kernels

int main(int argc, char** argv) {
  edgefusion::kernels::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
