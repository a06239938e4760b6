#include "engine/packed_regions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "core/atomic_file.h"
#include "core/env.h"
#include "core/process_memory.h"
#include "core/testing/temporary_folder.h"
#include "engine/program.h"
#include "engine/random_weights.h"
#include "engine/testing/coded_weights.h"
#include "graph/builder.h"

namespace edgefusion::engine {
namespace {

namespace fs = std::filesystem;
using graph::Graph;
using graph::GraphBuilder;
using graph::NetworkQuantization;
using graph::Scheme;
using graph::ValueId;
using graph::WeightScope;

Runtime make_runtime() {
  auto runtime = Runtime::make(2, read_environment().isa.value_or(""), {});
  EF_CHECK(runtime.has_value(), runtime.error().message());
  return std::move(*runtime);
}

/// Convolutions, a norm, a gated and some plain linear layers: each way in which weights are
/// placed.
Graph small_network(int64_t height, int64_t width) {
  GraphBuilder g("small", nullptr);
  const WeightScope w;
  const ValueId x = g.input("x", {1, height, width, 4});
  ValueId h = g.silu(g.conv2d(x, w / "in", 48));
  h = g.silu(g.group_norm(h, w / "norm", 8, 1e-5f));
  h = g.conv2d(h, w / "conv", 48);
  ValueId rows = g.reshape(h, {1, height * width, 48});
  rows = g.linear(g.geglu(g.linear(rows, w / "ff1", 192)), w / "ff2", 48);
  g.output("y", g.conv2d(g.reshape(rows, {1, height, width, 48}), w / "out", 4));
  auto graph = g.finish();
  EF_CHECK(graph.has_value(), graph.error().message());
  return std::move(*graph);
}

/// `layers` square matrices, one after the other.
Graph chain(int layers, int64_t width) {
  GraphBuilder g("chain", nullptr);
  ValueId x = g.input("x", {8, width});
  for (int i = 0; i < layers; ++i) x = g.linear(x, WeightScope() / std::to_string(i), width, false);
  g.output("y", x);
  auto graph = g.finish();
  EF_CHECK(graph.has_value(), graph.error().message());
  return std::move(*graph);
}

/// Weights that count how many tensors were packed.
class CountedWeights : public TensorSource {
 public:
  explicit CountedWeights(const Graph& graph) : made_up_(graph), weights_(made_up_) {}
  /// Those of somebody else.
  explicit CountedWeights(const CodedWeights& weights) : made_up_(Graph()), weights_(weights) {}
  const ConstTensorView* find(std::string_view name) const override { return weights_.find(name); }
  const QuantizedTensor* quantized(std::string_view name) const override {
    return weights_.quantized(name);
  }
  std::vector<std::string> names() const override { return weights_.names(); }
  std::string origin() const override { return "counted"; }
  void release(std::string_view) const override { ++packed; }

  mutable int packed = 0;

 private:
  RandomWeights made_up_;
  const TensorSource& weights_;
};

/// Regions as bare files.
class Folder : public PackedRegions {
 public:
  std::optional<MappedRegion> find(const RegionKey& key, bool keep) override {
    keys.push_back(key);
    kept_in_memory = keep;
    auto region = open(key);
    if (!region) return std::nullopt;
    return *region;
  }
  void reject(const RegionKey&) override { ++rejected; }
  std::unique_ptr<RegionWriter> create(const RegionKey& key) override {
    if (refuses) return nullptr;
    return std::make_unique<Writer>(*this, key);
  }

  void overwrite_with_zeros() const {
    for (const auto& entry : fs::directory_iterator(path_)) {
      const std::string zeros(fs::file_size(entry.path()), 0);
      std::ofstream(entry.path(), std::ios::binary) << zeros;
    }
  }

  std::vector<RegionKey> keys;
  int rejected = 0;
  bool kept_in_memory = false, refuses = false, fails = false;

 private:
  class Writer : public RegionWriter {
   public:
    Writer(Folder& folder, RegionKey key) : folder_(folder), key_(std::move(key)) {
      auto file = AtomicFile::create(folder.path(key_));
      EF_CHECK(file.has_value(), file.error().message());
      file_.emplace(std::move(*file));
    }
    Status append(std::span<const std::byte> bytes) override {
      if (folder_.fails) return fail(ErrorCode::resource_exhausted, "disk full");
      return file_->write(bytes);
    }
    Result<MappedRegion> finish() override {
      EF_TRY_STATUS(file_->commit());
      return folder_.open(key_);
    }

   private:
    Folder& folder_;
    RegionKey key_;
    std::optional<AtomicFile> file_;
  };

  fs::path path(const RegionKey& key) const { return path_ / key.layout.to_hex(); }
  Result<MappedRegion> open(const RegionKey& key) const {
    EF_TRY(MappedFile file, MappedFile::open(path(key)));
    return MappedRegion{std::make_shared<const MappedFile>(std::move(file)), 0, key.bytes};
  }

  TemporaryFolder temporary_;
  const fs::path& path_ = temporary_.path();
};

Tensor run(Program& program, ThreadPool& pool) {
  Tensor input(program.inputs()[0].shape, DType::f32);
  int i = 0;
  for (float& value : input.values<float>()) value = std::sin(0.3f * static_cast<float>(i++));
  Tensor output(program.outputs()[0].shape, DType::f32);
  const ConstTensorView in = input.view();
  const TensorView out = output.view();
  program.run({&in, 1}, {&out, 1}, pool);
  return output;
}

Tensor compile_and_run(const Graph& graph, const TensorSource& weights,
                       const CompileOptions& options, const Runtime& runtime) {
  auto program = compile(graph, weights, options, runtime);
  EF_CHECK(program.has_value(), program.error().message());
  return run(*program, *runtime.pool);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.view().data, b.view().data, a.view().bytes()) == 0;
}

TEST(PackedRegions, AFoundRegionGivesTheSameBitsAndLittleIsPacked) {
  const Runtime runtime = make_runtime();
  const Graph graph = small_network(12, 20);
  for (const Precision precision : {Precision::f32, Precision::bf16}) {
    const CountedWeights weights(graph);
    Folder folder;
    const CompileOptions plain = {.precision = precision};
    const CompileOptions kept = {.precision = precision, .regions = &folder};
    const Tensor expected = compile_and_run(graph, weights, plain, runtime);
    EXPECT_TRUE(same_bits(compile_and_run(graph, weights, kept, runtime), expected));
    const int packed = std::exchange(weights.packed, 0);
    EXPECT_TRUE(same_bits(compile_and_run(graph, weights, kept, runtime), expected));
    EXPECT_LT(weights.packed, packed);  // but for samples
    EXPECT_EQ(folder.rejected, 0);
    EXPECT_TRUE(folder.kept_in_memory);
  }
}

/// All layers in one scheme; activations reach 4.
NetworkQuantization uniform(const Graph& graph, Scheme scheme) {
  NetworkQuantization result;
  for (const graph::Node& node : graph.nodes()) {
    const std::string name = graph::layer_name(graph, node);
    if (name.empty()) continue;
    graph::LayerQuantization& layer = result.layers[name];
    layer.scheme = scheme;
    if (scheme == Scheme::w8a8) layer.input_scale = {8.0f / 255};
    if (scheme == Scheme::w8a8_winograd) layer.position_scale.assign(16, 16.0f / 127);
  }
  return result;
}

/// Codes whose inputs have the scales of `quantization`, as a bundle has them.
CodedWeights codes_of(const Graph& graph, WeightCode code,
                      const NetworkQuantization& quantization) {
  CodedWeights result(graph, code);
  for (const auto& [name, layer] : quantization.layers) {
    result.set_input_scale(name + ".weight", layer.input_scale);
  }
  return result;
}

TEST(PackedRegions, OfQuantisedWeightsGiveTheSameBits) {
  const Runtime runtime = make_runtime();
  const Graph graph = small_network(12, 20);
  const std::pair<WeightCode, Scheme> kinds[] = {
      {WeightCode::s8, Scheme::w8a8},          {WeightCode::s8, Scheme::w8a8_dynamic},
      {WeightCode::s8, Scheme::w8a8_winograd}, {WeightCode::s8, Scheme::w8a16},
      {WeightCode::s4, Scheme::w4a16},         {WeightCode::palette5, Scheme::palette5}};
  for (const auto& [code, scheme] : kinds) {
    SCOPED_TRACE(graph::to_string(scheme));
    const NetworkQuantization quantization = uniform(graph, scheme);
    const CodedWeights coded = codes_of(graph, code, quantization);
    const CountedWeights weights(coded);
    Folder folder;
    CompileOptions options = {.precision = Precision::int8, .quantization = &quantization};
    const Tensor expected = compile_and_run(graph, weights, options, runtime);
    options.regions = &folder;
    weights.packed = 0;
    EXPECT_TRUE(same_bits(compile_and_run(graph, weights, options, runtime), expected));
    const int packed = std::exchange(weights.packed, 0);
    EXPECT_TRUE(same_bits(compile_and_run(graph, weights, options, runtime), expected));
    EXPECT_LT(weights.packed, packed);
    EXPECT_EQ(folder.rejected, 0);
  }
}

/// Scales of inputs go into the bytes only where floats are rounded here.
TEST(PackedRegions, AreNamedByTheSchemeAndByNumbersThatDecideTheirBytes) {
  const Runtime runtime = make_runtime();
  const Graph graph = small_network(12, 20);
  const RandomWeights floats(graph);
  const auto coded = [&](const NetworkQuantization& quantization) {
    return codes_of(graph, WeightCode::s8, quantization);
  };
  Folder folder;
  const auto key = [&](const TensorSource& weights, const NetworkQuantization& quantization) {
    (void)compile_and_run(
        graph, weights,
        {.precision = Precision::int8, .quantization = &quantization, .regions = &folder}, runtime);
    return folder.keys.back().layout;
  };
  const NetworkQuantization first = uniform(graph, Scheme::w8a8);
  NetworkQuantization scaled = first;
  scaled.layers.at("conv").input_scale = {0.5f};
  EXPECT_NE(key(floats, first), key(floats, scaled));
  EXPECT_EQ(key(coded(first), first), key(coded(scaled), scaled));
  const NetworkQuantization floating = uniform(graph, Scheme::w8a16);
  EXPECT_NE(key(coded(first), first), key(coded(floating), floating));
  const NetworkQuantization winograd = uniform(graph, Scheme::w8a8_winograd);
  NetworkQuantization wider = winograd;
  wider.layers.at("conv").position_scale[5] = 1;
  EXPECT_NE(key(coded(winograd), winograd), key(coded(wider), wider));
}

TEST(PackedRegions, ARegionThatWasPackedOtherwiseIsPackedAnew) {
  const Runtime runtime = make_runtime();
  const Graph graph = chain(3, 64);
  const RandomWeights weights(graph);
  Folder folder;
  const CompileOptions kept = {.regions = &folder};
  const Tensor expected = compile_and_run(graph, weights, kept, runtime);
  folder.overwrite_with_zeros();
  EXPECT_TRUE(same_bits(compile_and_run(graph, weights, kept, runtime), expected));
  EXPECT_EQ(folder.rejected, 1);
  EXPECT_TRUE(same_bits(compile_and_run(graph, weights, kept, runtime), expected));
  EXPECT_EQ(folder.rejected, 1);
}

TEST(PackedRegions, AreNamedByPrecisionAndInstructionSetButNotByTheSizeOfPictures) {
  const Runtime runtime = make_runtime();
  Folder folder;
  const auto key = [&](const Graph& graph, Precision precision, const Runtime& machine) {
    const CountedWeights weights(graph);
    (void)compile_and_run(graph, weights, {.precision = precision, .regions = &folder}, machine);
    return folder.keys.back().layout;
  };
  const Hash128 first = key(small_network(12, 20), Precision::f32, runtime);
  EXPECT_EQ(key(small_network(12, 24), Precision::f32, runtime), first);
  EXPECT_NE(key(small_network(12, 20), Precision::bf16, runtime), first);
  EXPECT_NE(key(chain(2, 48), Precision::f32, runtime), first);
  // Of the instruction set only what it decides counts: the rows, which are named in the layout.
  auto scalar = Runtime::make(2, "scalar", {});
  ASSERT_TRUE(scalar.has_value());
  if (runtime.isa.has(Isa::avx512_bf16)) {
    EXPECT_NE(key(small_network(12, 20), Precision::bf16, *scalar),
              key(small_network(12, 20), Precision::bf16, runtime));
  }
}

TEST(PackedRegions, WhatCannotBeKeptIsPackedInMemory) {
  const Runtime runtime = make_runtime();
  const Graph graph = small_network(8, 8);
  const CountedWeights weights(graph);
  const Tensor expected = compile_and_run(graph, weights, {}, runtime);
  for (const bool refuses : {true, false}) {
    Folder folder;
    folder.refuses = refuses;
    folder.fails = !refuses;
    EXPECT_TRUE(
        same_bits(compile_and_run(graph, weights, {.regions = &folder}, runtime), expected));
    const auto streamed =
        compile(graph, weights, {.regions = &folder, .resident_weight_bytes = 1 << 20}, runtime);
    ASSERT_FALSE(streamed.has_value());
    EXPECT_EQ(streamed.error().code(), ErrorCode::resource_exhausted);
  }
}

TEST(PackedRegions, StepsReadTheirWeightsAgainWithinTheBudget) {
  constexpr int kLayers = 24;
  constexpr int64_t kWidth = 1024, kLayerBytes = kWidth * kWidth * 2;
  const Runtime runtime = make_runtime();
  const Graph graph = chain(kLayers, kWidth);
  const RandomWeights weights(graph);
  const Tensor expected = compile_and_run(graph, weights, {}, runtime);
  Folder folder;
  const int64_t budget = 4 * kLayerBytes;
  for (int round = 0; round < 2; ++round) {         // packed, then found
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak counts from here
    const int64_t before = resident_bytes();
    auto program =
        compile(graph, weights, {.regions = &folder, .resident_weight_bytes = budget}, runtime);
    ASSERT_TRUE(program.has_value()) << program.error().message();
    EXPECT_GE(program->memory().weight_bytes, kLayers * kLayerBytes);
    EXPECT_TRUE(same_bits(run(*program, *runtime.pool), expected));
    EXPECT_TRUE(same_bits(run(*program, *runtime.pool), expected));
    EXPECT_FALSE(folder.kept_in_memory);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    constexpr int64_t kSlack = 6 << 20;
    const int64_t most = std::max(budget, program->memory().packing_bytes);
    EXPECT_LE(peak_resident_bytes() - before, most + program->memory().arena_bytes + kSlack);
#else
    (void)before;
#endif
  }
}

}  // namespace
}  // namespace edgefusion::engine
