#include "quant/candidate.h"

#include <gtest/gtest.h>

#include <cstring>

#include "quant/sensitivity.h"
#include "quant/testing/small_trials.h"

namespace edgefusion::quant {
namespace {

using graph::AttentionScheme;
using graph::Scheme;

class CandidateTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { small_ = new SmallTrials; }
  static void TearDownTestSuite() { delete small_; }

  static const SmallTrials& small() { return *small_; }
  static const TensorSource& weights(const Variant& variant) {
    return *variant.model->network("unet").weights;
  }

 private:
  static inline SmallTrials* small_ = nullptr;
};

TEST_F(CandidateTest, OfBf16AloneIsTheModel) {
  SchemeBook book = small().book();
  const Assignment assignment = all_bf16(small().list());
  const Candidate candidate(book, assignment);
  EXPECT_TRUE(candidate.quantization().empty());
  const auto reference = Reference::make(
      small().trials(), {.model = small().model(), .precision = engine::Precision::bf16});
  ASSERT_TRUE(reference) << reference.error().message();
  const auto same = reference->deviation(small().trials(), candidate.variant(), "");
  ASSERT_TRUE(same) << same.error().message();
  EXPECT_EQ(same->mean_square, 0);
}

TEST_F(CandidateTest, HasTheCodesOfItsLayersAndTheOthersAsTheyAre) {
  SchemeBook book = small().book();
  Assignment assignment = all_bf16(small().list());
  const size_t index = small().layer_with(Scheme::w8a8);
  const Layer& layer = small().list().layers[index];
  assignment.layers[index] = Scheme::w8a8;
  assignment.attentions[0] = AttentionScheme::int8;
  const Candidate candidate(book, assignment);
  const AttentionLayer& attention = small().list().attentions[0];
  const auto& quantization = candidate.quantization();
  EXPECT_EQ(quantization.at(attention.network).attention(attention.name), AttentionScheme::int8);
  ASSERT_EQ(quantization.at("unet").layers.size(), 1u);
  EXPECT_EQ(quantization.at("unet").layer(layer.name)->scheme, Scheme::w8a8);
  const Variant variant = candidate.variant();
  EXPECT_EQ(variant.quantization, &quantization);
  const QuantizedTensor* codes = weights(variant).quantized(layer.weights[0]);
  ASSERT_NE(codes, nullptr);
  const auto& stored = book.layer(index, Scheme::w8a8).weights.at(layer.weights[0]);
  EXPECT_EQ(0, std::memcmp(codes->codes, stored.codes.data(), stored.codes.size()));
  EXPECT_EQ(codes->input_scale, book.layer(index, Scheme::w8a8).settings.input_scale);
  const TensorSource& plain = *small().model()->network("unet").weights;
  size_t others = 0;
  for (const std::string& name : plain.names()) {
    if (weights(variant).quantized(name) != nullptr) continue;
    if (weights(variant).find(name)->data == plain.find(name)->data) ++others;
  }
  // All but the codes and corrected biases.
  EXPECT_GE(others + layer.weights.size() + layer.biases.size(), plain.names().size());
}

TEST_F(CandidateTest, LayersAreQuantisedOnceUntilTheyAreRefined) {
  SchemeBook book = small().book();
  const size_t index = small().layer_with(Scheme::w8a16);
  const Layer& layer = small().list().layers[index];
  const QuantizedLayer* first = &book.layer(index, Scheme::w8a16);
  EXPECT_EQ(first, &book.layer(index, Scheme::w8a16));
  const auto codes_of = [&] {
    return book.layer(index, Scheme::w8a16).weights.at(layer.weights[0]).codes;
  };
  const auto before = codes_of();
  // Products of an input whose channels go together.
  Calibration products({layer}, {layer.path()});
  const int64_t channels = layer.input_channels[0];
  Tensor x(Shape{1, 8, 8, channels}, DType::f32);
  for (int64_t i = 0; i < x.elements(); ++i) {
    const auto pixel = static_cast<float>(i / channels);
    x.values<float>()[static_cast<size_t>(i)] =
        std::sin(pixel) + 0.01f * static_cast<float>(i % 17);
  }
  products.observe(layer.network, layer.inputs[0], x.view());
  book.refine(index, products);
  EXPECT_NE(codes_of(), before);
  book.forget_refinement(index);
  EXPECT_EQ(codes_of(), before);
}

}  // namespace
}  // namespace edgefusion::quant
