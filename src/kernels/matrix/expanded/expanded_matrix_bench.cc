// Speed of rows that expand their weights, beside those of bf16 weights. items_per_second is
// products per second. Layers of one and of few rows run over so many copies of their weights that
// these come from memory, as in a network.

#include <benchmark/benchmark.h>

#include "kernels/matrix/direct.h"
#include "kernels/matrix/expanded/expanded_matrix.h"
#include "kernels/matrix/expanded/quantized_test_data.h"

namespace edgefusion::kernels {
namespace {

struct Layer {
  const char* name;
  int64_t height, width, inputs, outputs, kernel;
  int copies = 1;
};

constexpr Layer kLayers[] = {
    {"linear_4096x320_2560", 1, 4096, 320, 2560, 1},
    {"linear_256x1280_1280", 1, 256, 1280, 1280, 1},
    {"linear_77x768_3072", 1, 77, 768, 3072, 1},
    {"conv3x3_32x32x640", 32, 32, 640, 640, 3},
    {"linear_77x768_3072_cold", 1, 77, 768, 3072, 1, 24},
    {"linear_12x1280_1280_cold", 1, 12, 1280, 1280, 1, 40},
    {"linear_1x1280_1280_cold", 1, 1, 1280, 1280, 1, 40},
};

struct Format {
  const char* name;
  WeightFormat format;
};

const Format kFormats[] = {
    {"s8", {.code = WeightCode::s8, .bits = 8}},
    {"s4", {.code = WeightCode::s4, .bits = 4, .scale_type = DType::f16}},
    {"palette4", {.code = WeightCode::palette, .bits = 4, .scale_type = DType::f16}},
    {"palette5", {.code = WeightCode::palette, .bits = 5, .scale_type = DType::f16}},
    {"palette6", {.code = WeightCode::palette, .bits = 6, .scale_type = DType::f16}},
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
          .pad_right = pad};
}

void run_layer(benchmark::State& state, const MatrixRow& row, const Layer& layer,
               const Format* format) {
  const ConvShape shape = shape_of(layer);
  const QuantizedData data(format != nullptr ? format->format : WeightFormat(), layer.outputs,
                           layer.inputs, shape.taps(), 1);
  const int64_t panels = row.panels(layer.outputs);
  MatrixArgs args;
  size_t bytes = 0;
  std::vector<AlignedBuffer> copies;
  for (int i = 0; i < layer.copies; ++i) {
    if (format != nullptr) {
      bytes = expanded_bytes(row, data.view());
      args.format = format->format;
      copies.emplace_back(bytes);
      pack_expanded(row, data.view(), false, 0, panels, copies.back().data());
    } else {
      const std::vector<float> values = data.values();
      const WeightsView view = data.float_view(values);
      bytes = row.packed_bytes(row, view);
      copies.emplace_back(bytes);
      row.pack(row, view, false, 0, panels, copies.back().data());
    }
  }
  const std::vector<uint16_t> src(static_cast<size_t>(shape.pixels() * layer.inputs), 0x3f00);
  std::vector<uint16_t> dst(static_cast<size_t>(shape.pixels() * layer.outputs));
  args.shape = shape;
  args.src = src.data();
  args.src_stride = layer.inputs;
  args.dst = dst.data();
  args.dst_stride = layer.outputs;
  AlignedBuffer scratch(row.scratch_bytes(row, shape));
  size_t turn = 0;
  for (auto _ : state) {
    args.packed_weights = copies[turn++ % copies.size()].data();
    row.run(row, args, {0, row.units(shape), 0, panels}, scratch.data());
  }
  state.SetItemsProcessed(state.iterations() * shape.pixels() * layer.outputs * shape.taps() *
                          layer.inputs);
  state.counters["weight_KiB"] = static_cast<double>(bytes) / 1024;
}

void register_row(const Layer& layer, const MatrixRow& row, const Format* format) {
  const std::string kind = format != nullptr ? format->name : "bf16";
  const std::string name = std::string(layer.name) + "/" + std::string(row.panel->name);
  benchmark::RegisterBenchmark((name + "/" + kind).c_str(), run_layer, row, layer, format);
}

void register_all() {
  for (const Layer& layer : kLayers) {
    for (const MatrixRow& row : expanded_matrix_table()) {
      if (!test_isa().contains(row.needs) || !row.takes(row, shape_of(layer))) continue;
      register_row(layer, direct_row(*row.panel), nullptr);
      for (const Format& format : kFormats) register_row(layer, row, &format);
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
