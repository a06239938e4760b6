// Speed of the Winograd rows of 8 bits beside those of bf16, on layers of BK-SDM-Tiny at 512 x 512
// and of TAESD. items_per_second is products (multiply-adds) of the direct way per second.

#include <benchmark/benchmark.h>

#include "kernels/gemm/gemm_test_data.h"
#include "kernels/matrix/int8/int8_matrix.h"
#include "kernels/matrix/matrix.h"

namespace edgefusion::kernels {
namespace {

struct Layer {
  const char* name;
  int64_t side, channels, channels2, outputs;
  bool enlarged = false;  // by two on the way

  ConvShape shape() const {
    return {.height = side,
            .width = side,
            .channels = channels,
            .channels2 = channels2,
            .outputs = outputs,
            .kernel_height = 3,
            .kernel_width = 3,
            .pad_top = 1,
            .pad_left = 1,
            .pad_bottom = 1,
            .pad_right = 1,
            .upsample2x = enlarged};
  }
};

constexpr Layer kLayers[] = {
    {"64x64x320", 64, 320, 0, 320},
    {"64x64x640+320_320", 64, 640, 320, 320},
    {"32x32x640", 32, 640, 0, 640},
    {"16x16x1280", 16, 1280, 0, 1280},
    {"256x256x64", 256, 64, 0, 64},
    {"enlarged_16x16x1280", 16, 1280, 0, 1280, true},
    {"enlarged_32x32x640", 32, 640, 0, 640, true},
};

void count_products(benchmark::State& state, const ConvShape& s) {
  state.SetItemsProcessed(state.iterations() * s.pixels() * s.outputs * s.taps() * s.inputs());
}

std::vector<int8_t> some_weights(const ConvShape& s) {
  std::vector<int8_t> weights(static_cast<size_t>(s.outputs * s.inputs() * s.taps()));
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(i * 37 % 255 - 127);
  return weights;
}

void run_int8(benchmark::State& state, const Int8MatrixRow& row, const Layer& layer, DType src,
              DType dst_type) {
  const ConvShape s = layer.shape();
  const std::vector<int8_t> data = some_weights(s);
  const std::vector<float> ones(static_cast<size_t>(std::max(s.inputs(), s.outputs)), 1.0f);
  const std::vector<float> positions(16, 0.25f);
  const Int8Weights weights = {data.data(), ones.data(), s.outputs, s.inputs(), s.taps()};
  AlignedBuffer packed(row.packed_bytes(row, weights));
  row.pack(row, weights, false, 0, row.panels(layer.outputs), packed.data());
  const auto pixels = static_cast<size_t>(s.height * s.width);
  const std::vector<uint16_t> in(pixels * static_cast<size_t>(s.inputs()), 0x3f00);
  std::vector<uint16_t> dst(static_cast<size_t>(s.pixels() * s.outputs));
  Int8MatrixArgs args;
  args.shape = s;
  args.src_type = src;
  args.src = in.data();
  args.src_stride = s.channels;
  args.src2 = in.data();
  args.src2_stride = s.channels2;
  args.inverse_scale = ones.data();
  args.position_inverse_scale = positions.data();
  args.packed_weights = packed.data();
  args.dst = dst.data();
  args.dst_type = dst_type;
  args.dst_inverse_scale = ones.data();
  args.dst_stride = s.outputs;
  AlignedBuffer scratch(row.scratch_bytes(row, args));
  for (auto _ : state) {
    row.run(row, args, {0, row.units(s), 0, row.panels(layer.outputs)}, scratch.data());
  }
  count_products(state, s);
}

void pack_int8(benchmark::State& state, const Int8MatrixRow& row, const Layer& layer) {
  const ConvShape s = layer.shape();
  const std::vector<int8_t> data = some_weights(s);
  const std::vector<float> ones(static_cast<size_t>(s.outputs), 1.0f);
  const Int8Weights weights = {data.data(), ones.data(), s.outputs, s.inputs(), s.taps()};
  AlignedBuffer packed(row.packed_bytes(row, weights));
  for (auto _ : state) row.pack(row, weights, false, 0, row.panels(layer.outputs), packed.data());
}

void run_bf16(benchmark::State& state, const MatrixRow& row, const Layer& layer) {
  const ConvShape s = layer.shape();
  const StoredWeights weights(DType::bf16, s.outputs, s.inputs(), s.taps(), 1);
  AlignedBuffer packed(row.packed_bytes(row, weights.view));
  row.pack(row, weights.view, false, 0, row.panels(layer.outputs), packed.data());
  const std::vector<uint16_t> in(static_cast<size_t>(s.height * s.width * s.inputs()), 0x3f00);
  std::vector<uint16_t> dst(static_cast<size_t>(s.pixels() * s.outputs));
  MatrixArgs args;
  args.shape = s;
  args.src = in.data();
  args.src_stride = s.channels;
  args.src2 = in.data();
  args.src2_stride = s.channels2;
  args.packed_weights = packed.data();
  args.dst = dst.data();
  args.dst_stride = s.outputs;
  AlignedBuffer scratch(row.scratch_bytes(row, s));
  for (auto _ : state) {
    row.run(row, args, {0, row.units(s), 0, row.panels(layer.outputs)}, scratch.data());
  }
  count_products(state, s);
}

void register_all() {
  for (const Layer& layer : kLayers) {
    const ConvShape s = layer.shape();
    const MatrixRow& bf16 = select_matrix(test_isa(), s);
    benchmark::RegisterBenchmark((bf16.name + "/" + layer.name).c_str(), run_bf16, bf16, layer);
    for (const Int8MatrixRow& row : int8_matrix_table()) {
      const bool runs = row.method == Int8Method::winograd && test_isa().contains(row.needs);
      if (!runs || !row.takes(row, s)) continue;
      const std::string name = row.name + "/" + layer.name;
      const auto add = [&](const char* types, DType src, DType dst) {
        benchmark::RegisterBenchmark((name + types).c_str(), run_int8, row, layer, src, dst);
      };
      add("/u8_bf16", DType::u8, DType::bf16);
      add("/u8_u8", DType::u8, DType::u8);
      add("/bf16_bf16", DType::bf16, DType::bf16);
      benchmark::RegisterBenchmark((name + "/pack").c_str(), pack_int8, row, layer);
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
