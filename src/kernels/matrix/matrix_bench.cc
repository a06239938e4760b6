// Speed of every matrix row on layers of BK-SDM-Tiny at 512 x 512, CLIP's text encoder and TAESD.
// items_per_second is products (multiply-adds) of the direct way per second.

#include <benchmark/benchmark.h>

#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/matrix.h"

namespace edgefusion::kernels {
namespace {

struct Layer {
  const char* name;
  int64_t height, width, inputs, outputs, kernel;
  bool enlarged = false;  // by two on the way
};

constexpr Layer kLayers[] = {
    {"conv3x3_64x64x320", 64, 64, 320, 320, 3},
    {"conv3x3_64x64x960_320", 64, 64, 960, 320, 3},
    {"conv3x3_32x32x640", 32, 32, 640, 640, 3},
    {"conv3x3_16x16x1280", 16, 16, 1280, 1280, 3},
    {"conv3x3_16x16x2560_1280", 16, 16, 2560, 1280, 3},
    {"conv3x3_256x256x64", 256, 256, 64, 64, 3},
    {"conv3x3_512x512x64", 512, 512, 64, 64, 3},
    {"conv3x3_512x512x64_3", 512, 512, 64, 3, 3},
    {"conv3x3_enlarged_16x16x1280", 16, 16, 1280, 1280, 3, true},
    {"conv3x3_enlarged_32x32x640", 32, 32, 640, 640, 3, true},
    {"linear_4096x320_320", 1, 4096, 320, 320, 1},
    {"linear_4096x320_2560", 1, 4096, 320, 2560, 1},
    {"linear_4096x1280_320", 1, 4096, 1280, 320, 1},
    {"linear_1024x640_640", 1, 1024, 640, 640, 1},
    {"linear_256x1280_10240", 1, 256, 1280, 10240, 1},
    {"linear_77x768_3072", 1, 77, 768, 3072, 1},
};

ConvShape shape_of(const Layer& layer) {
  const int64_t pad = layer.kernel / 2;
  return {.height = layer.height,
          .width = layer.width,
          .channels = layer.inputs,
          .outputs = layer.outputs,
          .kernel_height = layer.kernel,
          .kernel_width = layer.kernel,
          .pad_top = pad,
          .pad_left = pad,
          .pad_bottom = pad,
          .pad_right = pad,
          .upsample2x = layer.enlarged};
}

void run_layer(benchmark::State& state, const MatrixRow& row, const Layer& layer) {
  const ConvShape shape = shape_of(layer);
  const StoredWeights weights(DType::bf16, layer.outputs, layer.inputs, shape.taps(), 1);
  AlignedBuffer packed(row.packed_bytes(row, weights.view));
  const int64_t panels = row.panels(layer.outputs);
  row.pack(row, weights.view, false, 0, panels, packed.data());
  const std::vector<uint16_t> src(static_cast<size_t>(shape.pixels() * layer.inputs), 0x3f00);
  std::vector<uint16_t> dst(static_cast<size_t>(shape.pixels() * layer.outputs));
  MatrixArgs args;
  args.shape = shape;
  args.src = src.data();
  args.src_stride = layer.inputs;
  args.packed_weights = packed.data();
  args.dst = dst.data();
  args.dst_stride = layer.outputs;
  AlignedBuffer scratch(row.scratch_bytes(row, shape));
  for (auto _ : state) row.run(row, args, {0, row.units(shape), 0, panels}, scratch.data());
  state.SetItemsProcessed(state.iterations() * shape.pixels() * layer.outputs * shape.taps() *
                          layer.inputs);
}

void register_all() {
  for (const MatrixRow& row : matrix_table()) {
    if (!test_isa().contains(row.needs)) continue;
    for (const Layer& layer : kLayers) {
      if (!row.takes(row, shape_of(layer))) continue;
      const std::string name = row.name + "/" + layer.name;
      benchmark::RegisterBenchmark(name.c_str(), run_layer, row, layer);
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
