// Speed of every quantised matrix row of method direct on layers of BK-SDM-Tiny at 512 x 512,
// beside the row that is chosen for the same layer in bf16. items_per_second is products
// (multiply-adds) of the direct way per second.

#include <benchmark/benchmark.h>

#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/int8/int8_matrix.h"
#include "kernels/matrix/matrix.h"

namespace edgefusion::kernels {
namespace {

struct Layer {
  const char* name;
  int64_t height, width, inputs, outputs, kernel = 1, stride = 1;
  bool geglu = false;
};

constexpr Layer kLayers[] = {
    {"linear_4096x320_2560_geglu", 1, 4096, 320, 2560, 1, 1, true},
    {"linear_4096x1280_320", 1, 4096, 1280, 320},
    {"linear_1024x640_640", 1, 1024, 640, 640},
    {"linear_256x1280_1280", 1, 256, 1280, 1280},
    {"conv1x1_64x64x320", 64, 64, 320, 320},
    {"conv3x3_64x64x320", 64, 64, 320, 320, 3},
    {"conv3x3_stride2_64x64x320", 64, 64, 320, 320, 3, 2},
};

/// How a layer gets its values and what becomes of them.
struct Types {
  const char* name;
  DType src, dst;
  bool dynamic = false;
};

constexpr Types kTypes[] = {{"u8_to_bf16", DType::u8, DType::bf16},
                            {"u8_to_u8", DType::u8, DType::u8},
                            {"bf16_to_bf16", DType::bf16, DType::bf16},
                            {"dynamic_to_bf16", DType::bf16, DType::bf16, true}};

ConvShape shape_of(const Layer& layer) {
  const int64_t pad = layer.kernel / 2;
  return {.height = layer.height,
          .width = layer.width,
          .channels = layer.inputs,
          .outputs = layer.outputs,
          .kernel_height = layer.kernel,
          .kernel_width = layer.kernel,
          .stride = layer.stride,
          .pad_top = pad,
          .pad_left = pad,
          .pad_bottom = pad,
          .pad_right = pad};
}

/// Sources, results and bias of a layer, whatever their types.
struct Memory {
  AlignedBuffer src, dst;
  std::vector<float> ones;

  Memory(const ConvShape& s, DType src_type)
      : src(static_cast<size_t>(s.batch * s.height * s.width * s.inputs()) * sizeof(uint16_t)),
        dst(static_cast<size_t>(s.pixels() * s.outputs) * sizeof(uint16_t)),
        ones(static_cast<size_t>(std::max(s.outputs, s.inputs())), 1.0f) {
    const auto count = static_cast<size_t>(s.batch * s.height * s.width * s.inputs());
    if (src_type == DType::u8) {
      std::fill_n(static_cast<uint8_t*>(src.data()), count, uint8_t{130});
    } else {
      std::fill_n(static_cast<uint16_t*>(src.data()), count, f32_to_bf16(0.5f));
    }
  }
};

int64_t products(const ConvShape& s) { return s.pixels() * s.outputs * s.taps() * s.inputs(); }

void run_int8(benchmark::State& state, const Int8MatrixRow& row, const Layer& layer,
              const Types& types) {
  const ConvShape shape = shape_of(layer);
  Memory memory(shape, types.src);
  const std::vector<int8_t> values(static_cast<size_t>(shape.outputs * shape.taps() * layer.inputs),
                                   3);
  const Int8Weights weights = {values.data(), memory.ones.data(), layer.outputs, layer.inputs,
                               shape.taps()};
  AlignedBuffer packed(row.packed_bytes(row, weights));
  const int64_t panels = row.panels(layer.outputs);
  row.pack(row, weights, layer.geglu, 0, panels, packed.data());
  Int8MatrixArgs args;
  args.shape = shape;
  args.src_type = types.src;
  args.src = memory.src.data();
  args.src_stride = layer.inputs;
  args.inverse_scale = memory.ones.data();
  args.dynamic = types.dynamic;
  args.packed_weights = packed.data();
  args.dst = memory.dst.data();
  args.dst_type = types.dst;
  args.dst_inverse_scale = memory.ones.data();
  args.dst_stride = layer.geglu ? layer.outputs / 2 : layer.outputs;
  args.epilogue = {.bias = memory.ones.data(), .geglu = layer.geglu};
  AlignedBuffer scratch(row.scratch_bytes(row, args));
  for (auto _ : state) row.run(row, args, {0, row.units(shape), 0, panels}, scratch.data());
  state.SetItemsProcessed(state.iterations() * products(shape));
}

void run_bf16(benchmark::State& state, const Layer& layer) {
  const ConvShape shape = shape_of(layer);
  const MatrixRow& row = select_matrix(test_isa(), shape);
  Memory memory(shape, DType::bf16);
  const StoredWeights weights(DType::bf16, layer.outputs, layer.inputs, shape.taps(), 1);
  AlignedBuffer packed(row.packed_bytes(row, weights.view));
  const int64_t panels = row.panels(layer.outputs);
  row.pack(row, weights.view, layer.geglu, 0, panels, packed.data());
  MatrixArgs args;
  args.shape = shape;
  args.src = static_cast<const uint16_t*>(memory.src.data());
  args.src_stride = layer.inputs;
  args.packed_weights = packed.data();
  args.dst = memory.dst.data();
  args.dst_stride = layer.geglu ? layer.outputs / 2 : layer.outputs;
  args.epilogue = {.bias = memory.ones.data(), .geglu = layer.geglu};
  AlignedBuffer scratch(row.scratch_bytes(row, shape));
  for (auto _ : state) row.run(row, args, {0, row.units(shape), 0, panels}, scratch.data());
  state.SetItemsProcessed(state.iterations() * products(shape));
  state.SetLabel(row.name);
}

void register_all() {
  for (const Layer& layer : kLayers) {
    const std::string name = std::string("/") + layer.name;
    benchmark::RegisterBenchmark(("bf16" + name).c_str(), run_bf16, layer);
    for (const Int8MatrixRow& row : int8_matrix_table()) {
      const bool runs = row.method == Int8Method::direct && test_isa().contains(row.needs);
      if (!runs || !row.takes(row, shape_of(layer))) continue;
      for (const Types& types : kTypes) {
        // Rows of bf16 are quantised on the way to 1x1 layers alone.
        if (types.src != DType::u8 && layer.kernel != 1) continue;
        benchmark::RegisterBenchmark((row.name + name + "/" + types.name).c_str(), run_int8, row,
                                     layer, types);
      }
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
