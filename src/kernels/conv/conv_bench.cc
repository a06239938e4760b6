// Speed of every conv row on the shapes of BK-SDM-Tiny at 512 x 512, of TAESD and of the VAE
// decoder. items_per_second is products (multiply-adds) per second.

#include <benchmark/benchmark.h>

#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm_test_data.h"

namespace edgefusion::kernels {
namespace {

struct Layer {
  const char* name;
  int64_t size, channels, channels2, outputs;
  int64_t stride = 1;
  bool upsample2x = false;
  int64_t kernel = 3;
};

constexpr Layer kLayers[] = {
    {"conv_in", 64, 4, 0, 320},
    {"res_320", 64, 320, 0, 320},
    {"down_320", 64, 320, 0, 320, 2},
    {"res_640", 32, 640, 0, 640},
    {"res_1280", 16, 1280, 0, 1280},
    {"up_skip_1280", 16, 1280, 1280, 1280},
    {"up_skip_640", 32, 640, 320, 640},
    {"shortcut_640", 32, 1280, 640, 640, 1, false, 1},
    {"upsample_640", 32, 640, 0, 640, 1, true},
    {"conv_out", 64, 320, 0, 4},
    {"taesd_128", 128, 64, 0, 64},
    {"taesd_512", 512, 64, 0, 64},
    {"taesd_up_512", 256, 64, 0, 64, 1, true},
    {"taesd_out", 512, 64, 0, 3},
    {"vae_256", 256, 256, 0, 256},
};

ConvShape shape_of(const Layer& layer) {
  ConvShape s;
  s.height = s.width = layer.size;
  s.channels = layer.channels;
  s.channels2 = layer.channels2;
  s.outputs = layer.outputs;
  s.kernel_height = s.kernel_width = layer.kernel;
  s.stride = layer.stride;
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = layer.kernel / 2;
  s.upsample2x = layer.upsample2x;
  return s;
}

void run_conv(benchmark::State& state, const ConvRow& row, const Layer& layer) {
  ConvArgs args;
  args.shape = shape_of(layer);
  const ConvShape& s = args.shape;
  const size_t pixels = static_cast<size_t>(s.height * s.width);
  const std::vector<float> src = random_values(pixels * s.channels, 1);
  const std::vector<float> src2 = random_values(pixels * s.channels2, 2);
  const StoredWeights weights(row.types.weights, s.outputs, s.inputs(), s.taps(), 3);
  AlignedBuffer packed = pack_for(row.layout(), weights.view);
  AlignedBuffer dst(static_cast<size_t>(s.pixels() * s.outputs) * sizeof(float));
  args.src = src.data();
  args.src_stride = s.channels;
  args.src2 = src2.data();
  args.src2_stride = s.channels2;
  args.packed_weights = packed.data();
  args.dst = static_cast<float*>(dst.data());
  args.dst_stride = s.outputs;
  AlignedBuffer scratch(row.scratch_bytes(s));
  const GemmRange range{0, s.pixels(), 0, row.layout().panels(s.outputs)};
  for (auto _ : state) row.run(args, range, scratch.data());
  state.SetItemsProcessed(state.iterations() * s.pixels() * s.outputs * s.inputs() * s.taps());
}

void register_all() {
  for (const ConvRow& row : conv_table()) {
    if (!test_isa().contains(row.needs)) continue;
    for (const Layer& layer : kLayers) {
      const std::string name = row.name + "/" + layer.name;
      benchmark::RegisterBenchmark(name.c_str(), run_conv, row, layer);
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
