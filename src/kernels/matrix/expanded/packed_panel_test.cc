#include "kernels/matrix/expanded/packed_panel.h"

#include <gtest/gtest.h>

#include "kernels/matrix/expanded/quantized_test_data.h"
#include "kernels/matrix/pack.h"

namespace edgefusion::kernels {
namespace {

constexpr PanelGroups kLayouts[] = {{32, 2}, {32, 4}, {4, 32}};

/// The panels that pack_direct() makes of the same values; of s8, of the integers.
std::vector<uint16_t> expected_panels(const PanelGroups& layout, const QuantizedData& data,
                                      bool geglu) {
  std::vector<float> values = data.values();
  const QuantizedWeights& w = data.view();
  if (w.format.code == WeightCode::s8) {
    for (int64_t o = 0, at = 0; o < w.outputs; ++o) {
      for (int64_t i = 0; i < w.inputs; ++i) {
        for (int64_t tap = 0; tap < w.taps; ++tap, ++at) {
          values[static_cast<size_t>(at)] = static_cast<float>(stored_code(w, o, i, tap));
        }
      }
    }
  }
  const WeightsView view = data.float_view(values);
  std::vector<uint16_t> panels(direct_bytes(layout, view) / sizeof(uint16_t));
  const int64_t count = PanelColumns(view.outputs, geglu, layout.columns).panels();
  pack_direct(layout, view, geglu, 0, count, panels.data());
  return panels;
}

/// What a column that does not exist holds is not said, nor is it looked at.
void clear_missing_columns(const PanelGroups& layout, const PanelColumns& columns, int64_t depth,
                           std::vector<uint16_t>& panels) {
  const int64_t size = depth * layout.columns;
  for (int64_t p = 0; p < columns.panels(); ++p) {
    for (int c = 0; c < layout.columns; ++c) {
      if (columns.output(p, c) >= 0) continue;
      for (int64_t k = 0; k < depth; ++k) {
        panels[static_cast<size_t>(p * size + layout.at(k, c))] = 0;
      }
    }
  }
}

/// `step`: products that are expanded at a time.
std::vector<uint16_t> expanded_panels(const PanelGroups& layout, const QuantizedData& data,
                                      bool geglu, int64_t step, IsaSet isa) {
  const QuantizedWeights& w = data.view();
  const PanelColumns columns(w.outputs, geglu, layout.columns);
  AlignedBuffer packed(quantized_bytes(layout, w));
  pack_quantized(layout, w, geglu, 0, columns.panels(), packed.data());
  const PackedPanel form(w.format, layout, w.depth());
  const int64_t depth = padded_depth(w.depth());
  std::vector<uint16_t> panels;
  AlignedBuffer chunk(static_cast<size_t>(step * layout.columns) * sizeof(uint16_t));
  for (int64_t p = 0; p < columns.panels(); ++p) {
    const auto* panel = static_cast<const std::byte*>(packed.data()) + p * form.bytes();
    for (int64_t begin = 0; begin < depth; begin += step) {
      const int64_t end = std::min(begin + step, w.depth());
      form.expand(select_expand(isa), panel, begin, end, static_cast<uint16_t*>(chunk.data()));
      const auto* elements = static_cast<const uint16_t*>(chunk.data());
      panels.insert(panels.end(), elements,
                    elements + (padded_depth(end) - begin) * layout.columns);
    }
  }
  clear_missing_columns(layout, columns, depth, panels);
  return panels;
}

void expect_same_panels(const QuantizedData& data, bool geglu) {
  for (const PanelGroups& layout : kLayouts) {
    if (data.view().inputs % layout.group != 0) continue;  // no row takes such a layer
    const std::vector<uint16_t> expected = expected_panels(layout, data, geglu);
    for (const int64_t step : {32, 96, 4096}) {
      SCOPED_TRACE(to_string(data.view().format) + " columns " + std::to_string(layout.columns) +
                   " group " + std::to_string(layout.group) + " step " + std::to_string(step));
      EXPECT_EQ(expanded_panels(layout, data, geglu, step, test_isa()), expected);
      EXPECT_EQ(expanded_panels(layout, data, geglu, step, IsaSet()), expected);
    }
  }
}

TEST(PackedPanel, ExpandsToThePanelOfTheSameValuesInBf16) {
  for (const WeightFormat& format : test_formats()) {
    for (const int64_t outputs : {1, 16, 33, 96}) {
      for (const int64_t inputs : {2, 32, 36, 200}) {
        expect_same_panels(QuantizedData(format, outputs, inputs, 1, 7), false);
      }
      expect_same_panels(QuantizedData(format, outputs, 34, 9, 7), false);
    }
  }
}

TEST(PackedPanel, GatesLieBesideTheirValues) {
  for (const WeightFormat& format : test_formats()) {
    for (const int64_t outputs : {32, 96, 160}) {
      expect_same_panels(QuantizedData(format, outputs, 64, 1, 3), true);
    }
  }
}

TEST(PackedPanel, ScalesOfAnySizeAreRoundedOnce) {
  for (const DType type : {DType::f32, DType::f16}) {
    QuantizedData data({.code = WeightCode::s4, .bits = 4, .scale_type = type}, 32, 512, 1, 5);
    size_t i = 0;
    for (const float scale : {0.0f, 0x1p-24f, 0x1.ffcp-15f, 0x1.554p-8f, 65504.0f, -3.1415926f}) {
      data.set_scale(i++, scale);
    }
    expect_same_panels(data, false);
  }
}

TEST(QuantizedWeights, CodesAreReadAsTheirFormatSays) {
  const uint8_t codes[] = {0x21, 0x43, 0x65};
  const float scales[] = {2.0f};
  QuantizedWeights w = {{.code = WeightCode::s4, .bits = 4}, codes, scales, 1, 3, 2};
  EXPECT_EQ(stored_code(w, 0, 0, 0), 1);
  EXPECT_EQ(stored_code(w, 0, 0, 1), 2);
  EXPECT_EQ(stored_code(w, 0, 2, 1), 6);
  EXPECT_EQ(stored_value(w, 0, 2, 1), -4.0f);
  w.format = {.code = WeightCode::palette, .bits = 6};
  w.inputs = 2;
  EXPECT_EQ(stored_code(w, 0, 0, 0), 0x21);
  EXPECT_EQ(stored_code(w, 0, 0, 1), 0x43 << 2 & 0x3f);
  EXPECT_EQ(stored_code(w, 0, 1, 0), (0x65 << 4 & 0x3f) | 0x43 >> 4);
  EXPECT_EQ(stored_code(w, 0, 1, 1), 0x65 >> 2);
}

TEST(QuantizedWeights, AFormatMustSuitTheLayer) {
  EXPECT_TRUE(takes_format({.code = WeightCode::s8, .bits = 8}, 3, false));
  EXPECT_FALSE(takes_format({.code = WeightCode::s8, .bits = 4}, 3, false));
  EXPECT_TRUE(takes_format({.code = WeightCode::s4, .bits = 4, .group = 64}, 30, true));
  EXPECT_FALSE(takes_format({.code = WeightCode::s4, .bits = 4, .group = 48}, 32, false));
  const WeightFormat palette = {.code = WeightCode::palette, .bits = 5, .rows_per_palette = 16};
  EXPECT_TRUE(takes_format(palette, 30, false));
  EXPECT_FALSE(takes_format(palette, 80 + 8, true));
  EXPECT_TRUE(takes_format(palette, 96, true));
}

}  // namespace
}  // namespace edgefusion::kernels
