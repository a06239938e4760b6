#include "quant/findings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/scheme_times.h"
#include "quant/testing/small_trials.h"

namespace edgefusion::quant {
namespace {

using graph::AttentionScheme;
using graph::Scheme;

class FindingsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { small_ = new SmallTrials; }
  static void TearDownTestSuite() { delete small_; }
  static const SmallTrials& small() { return *small_; }

  /// Some layers of each network and an attention: trying all of them takes a minute.
  static LayerList few_layers() {
    LayerList few;
    std::map<std::string, int> taken;
    for (const Layer& layer : small().list().layers) {
      constexpr int kOfEach = 3;
      if (taken[layer.network]++ < kOfEach) few.layers.push_back(layer);
    }
    few.attentions = {small().list().attentions.front()};
    return few;
  }

  static size_t index_of(const LayerList& list, const std::string& network, Scheme scheme) {
    const auto found = std::ranges::find_if(list.layers, [&](const Layer& layer) {
      return layer.network == network && std::ranges::count(layer.schemes, scheme) != 0;
    });
    EF_CHECK(found != list.layers.end(), network + " has no such layer");
    return static_cast<size_t>(found - list.layers.begin());
  }

  static Reference reference() {
    auto made = Reference::make(small().trials(),
                                {.model = small().model(), .precision = engine::Precision::bf16});
    EF_CHECK(made.has_value(), made.error().message());
    return std::move(*made);
  }

 private:
  static inline SmallTrials* small_ = nullptr;
};

TEST_F(FindingsTest, EveryLayerIsTriedAloneInEverySchemeItCanHave) {
  const LayerList list = few_layers();
  SchemeBook book(small().model(), list, small().calibration(), {});
  const Reference exact = reference();
  const FindingOptions options = {.schemes = {Scheme::w4a16},
                                  .attention_schemes = {AttentionScheme::int8},
                                  .timing_repeats = 1};
  const auto found =
      find_costs(small().trials(), exact, book, small().calibration(), options, small().runtime());
  ASSERT_TRUE(found) << found.error().message();
  size_t changed = 0;
  for (size_t i = 0; i < list.layers.size(); ++i) {
    const Layer& layer = list.layers[i];
    const auto& schemes = found->layers[i];
    ASSERT_TRUE(schemes.contains(Scheme::bf16)) << layer.path();
    const bool can = std::ranges::count(layer.schemes, Scheme::w4a16) != 0;
    EXPECT_EQ(schemes.contains(Scheme::w4a16), can) << layer.path();
    EXPECT_EQ(schemes.at(Scheme::bf16).deviation.mean_square, 0);
    if (!can) continue;
    const SchemeFinding& finding = schemes.at(Scheme::w4a16);
    EXPECT_TRUE(finding.excluded.empty());
    // Half a byte a weight, and a scale of 4 bytes for 32 of them.
    const auto weights = static_cast<double>(layer.weight_shape.elements());
    EXPECT_NEAR(static_cast<double>(finding.bytes), weights * (0.5 + 4.0 / 32),
                0.3 * weights * (0.5 + 4.0 / 32))
        << layer.path();
    if (finding.deviation.mean_square > 0) ++changed;
  }
  EXPECT_GT(changed, list.layers.size() / 2);
  for (const auto& attention : found->attentions) EXPECT_EQ(attention.size(), 2u);
  // The same as by hand.
  const size_t index = index_of(list, "vae", Scheme::w4a16);
  Assignment assignment = all_bf16(list);
  assignment.layers[index] = Scheme::w4a16;
  const Candidate candidate(book, assignment);
  const auto alone = exact.deviation(small().trials(), candidate.variant(), "vae");
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->mean_square, found->layers[index].at(Scheme::w4a16).deviation.mean_square);
}

TEST_F(FindingsTest, LayersThatSawWhatIsNoNumberAreExcludedFromStaticScales) {
  const Reference exact = reference();
  const LayerList list = few_layers();
  const size_t index = index_of(list, "vae", Scheme::w8a8);
  // As `calibration()`, but that layer's input had a value that is not finite.
  Calibration spoilt(list.layers);
  const Variant watching = {
      .model = small().model(),
      .precision = engine::Precision::f32,
      .observe = [&](std::string_view network, std::string_view value, const ConstTensorView& x) {
        spoilt.observe(network, value, x);
      }};
  const auto states = small().trials().encode(watching);
  const auto latents = small().trials().denoise(watching, *states);
  ASSERT_TRUE(small().trials().decode(watching, *latents));
  Tensor bad(Shape{1, 1, 1, list.layers[index].input_channels[0]}, DType::f32);
  bad.values<float>()[0] = std::numeric_limits<float>::infinity();
  spoilt.observe("vae", list.layers[index].inputs[0], bad.view());
  SchemeBook book(small().model(), list, spoilt, {});
  const FindingOptions options = {
      .schemes = {Scheme::w8a8}, .attention_schemes = {}, .timing_repeats = 1, .most_clipped = 1};
  const auto found = find_costs(small().trials(), exact, book, spoilt, options, small().runtime());
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->layers[index].at(Scheme::w8a8).excluded,
            "its input has 1 values that are not finite");
  const size_t other = index_of(list, "text_encoder", Scheme::w8a8);
  EXPECT_EQ(found->layers[other].at(Scheme::w8a8).excluded, "");
}

TEST_F(FindingsTest, BytesAreThoseOfTheFile) {
  SchemeBook book = small().book();
  const size_t index = small().layer_with(Scheme::w8a16);
  const Layer& layer = small().list().layers[index];
  const int64_t weights = layer.weight_shape.elements();
  EXPECT_EQ(stored_bytes_of(book, index, Scheme::w8a16), weights + 4 * layer.outputs());
  const TensorSource& source = *small().model()->network("unet").weights;
  const auto size = static_cast<int64_t>(size_of(source.find(layer.weights[0])->dtype));
  EXPECT_EQ(stored_bytes_of(book, index, Scheme::bf16), weights * size);
}

TEST_F(FindingsTest, TimesOfLayersAndAttentionsAddUpToLessThanTheirNetworks) {
  SchemeBook book = small().book();
  const LayerList& list = small().list();
  for (const Scheme scheme : {Scheme::bf16, Scheme::w8a8}) {
    Assignment assignment = all_bf16(list);
    for (size_t i = 0; i < list.layers.size(); ++i) {
      if (std::ranges::count(list.layers[i].schemes, scheme) != 0) assignment.layers[i] = scheme;
    }
    const Candidate candidate(book, assignment);
    const auto times =
        measure_times(candidate, list, small().trials().latent_shape(), 1, small().runtime());
    ASSERT_TRUE(times) << times.error().message();
    std::map<std::string, double> sums;
    for (size_t i = 0; i < list.layers.size(); ++i) {
      EXPECT_GT(times->layers_ms[i], 0) << list.layers[i].path();
      sums[list.layers[i].network] += times->layers_ms[i];
    }
    for (size_t i = 0; i < list.attentions.size(); ++i) {
      EXPECT_GT(times->attentions_ms[i], 0) << list.attentions[i].path();
      sums[list.attentions[i].network] += times->attentions_ms[i];
    }
    for (const auto& [network, sum] : sums) {
      EXPECT_LE(sum, times->network_ms.at(network) * (1 + 1e-9)) << network;
      EXPECT_GT(sum, 0.3 * times->network_ms.at(network)) << network;
    }
  }
}

}  // namespace
}  // namespace edgefusion::quant
