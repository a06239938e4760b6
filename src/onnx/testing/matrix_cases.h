#pragma once

#include <string>
#include <vector>

#include "onnx/testing/export_case.h"

// Matrix ops and attention, with the epilogues and operands that passes give them.

namespace edgefusion::onnx {

inline void add_conv_cases(std::vector<ExportCase>& cases) {
  using graph::kNoValue;
  using graph::OpKind;
  struct Variant {
    const char* name;
    graph::Conv2dAttrs attrs;
    bool bias, residual, x2, image_add;
  };
  const auto epilogue = [](Activation activation, bool after) {
    return graph::Epilogue{.activation = activation, .activation_after_residual = after};
  };
  const std::vector<Variant> variants = {
      {"plain", {}, false, false, false, false},
      {"padded", {1, 1, 1, 1, 1}, true, false, false, false},
      {"lopsided", {2, 0, 0, 1, 1}, true, false, false, false},
      {"upsampled", {1, 1, 1, 1, 1, true}, true, false, false, false},
      {"two_sources", {1, 1, 1, 1, 1}, true, false, true, false},
      {"image_add", {1, 1, 1, 1, 1}, true, false, false, true},
      {"act", {1, 1, 1, 1, 1, false, epilogue(Activation::silu, false)}, true, true, false, false},
      {"act_after",
       {1, 1, 1, 1, 1, false, epilogue(Activation::relu, true)},
       true,
       true,
       true,
       true},
  };
  for (const Variant& variant : variants) {
    CaseBuilder b(std::string("conv2d_") + variant.name);
    const graph::ValueId x = b.input({2, 6, 4, 3});
    const graph::ValueId weight = b.weight({5, variant.x2 ? 5 : 3, 3, 3});
    std::vector<graph::ValueId> inputs = {x, weight};
    inputs.push_back(variant.bias ? b.weight({5}) : kNoValue);
    inputs.push_back(variant.residual ? b.input({2, 6, 4, 5}) : kNoValue);
    inputs.push_back(variant.x2 ? b.input({2, 6, 4, 2}) : kNoValue);
    inputs.push_back(variant.image_add ? b.input({2, 5}) : kNoValue);
    cases.push_back(b.finish(b.op(OpKind::conv2d, variant.attrs, inputs)));
  }
}

inline void add_linear_cases(std::vector<ExportCase>& cases) {
  using graph::kNoValue;
  using graph::OpKind;
  for (const Shape& shape :
       {Shape{4}, Shape{3, 4}, Shape{2, 3, 4}, Shape{2, 2, 3, 4}, Shape{2, 2, 1, 3, 4}}) {
    const std::string rank = std::to_string(shape.rank());
    Shape wide = shape;
    wide.set(-1, 6);
    for (const bool after : {false, true}) {
      CaseBuilder b("linear_rank" + rank + (after ? "_act_after" : "_act"));
      const graph::Epilogue epilogue{.activation = Activation::gelu,
                                     .activation_after_residual = after};
      cases.push_back(
          b.finish(b.op(OpKind::linear, graph::LinearAttrs{epilogue},
                        {b.input(shape), b.weight({6, 4}), b.weight({6}), b.input(wide)})));
    }
    CaseBuilder gate("linear_rank" + rank + "_geglu");
    cases.push_back(
        gate.finish(gate.op(OpKind::linear, graph::LinearAttrs{{.geglu = true}},
                            {gate.input(shape), gate.weight({6, 4}), gate.weight({6})})));
    CaseBuilder plain("linear_rank" + rank + "_constant_matrix");
    cases.push_back(plain.finish(plain.op(OpKind::linear, graph::LinearAttrs{},
                                          {plain.input(shape), plain.constant(noise({6, 4}, 5))})));
  }
  CaseBuilder b("linear_square_weight_of_vectors_and_tokens");
  const graph::ValueId weight = b.weight({4, 4});
  const graph::ValueId tokens =
      b.op(OpKind::linear, graph::LinearAttrs{}, {b.input({2, 3, 4}), weight});
  const graph::ValueId vectors =
      b.op(OpKind::linear, graph::LinearAttrs{}, {b.input({2, 4}), weight});
  cases.push_back(b.finish(b.op(OpKind::add, graph::NoAttrs{}, {tokens, vectors})));
}

inline void add_attention_cases(std::vector<ExportCase>& cases) {
  using graph::AttentionAttrs;
  using graph::kNoValue;
  using graph::OpKind;
  {
    CaseBuilder b("attention_cross");
    cases.push_back(b.finish(b.op(OpKind::attention, AttentionAttrs{.heads = 2, .scale = 0.5f},
                                  {b.input({2, 3, 8}), b.input({2, 5, 8}), b.input({2, 5, 6})})));
  }
  {
    CaseBuilder b("attention_columns");
    const graph::ValueId all = b.input({2, 5, 24});
    AttentionAttrs attrs{.heads = 2, .scale = 0.35f};
    attrs.k_begin = 8, attrs.v_begin = 16, attrs.qk_width = 8, attrs.v_width = 8;
    cases.push_back(b.finish(b.op(OpKind::attention, attrs, {all, all, all})));
  }
  for (const bool causal : {false, true}) {
    CaseBuilder b(std::string("attention_masked") + (causal ? "_causal" : ""));
    // The first item has keys left out, the second starts with one and the third has none left.
    const std::vector<float> mask = {1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0};
    cases.push_back(b.finish(b.op(OpKind::attention,
                                  AttentionAttrs{.heads = 2, .scale = 1.0f, .causal = causal},
                                  {b.input({3, 4, 8}), b.input({3, 4, 8}), b.input({3, 4, 8}),
                                   b.input(Tensor::from_f32({3, 4}, mask))})));
  }
  CaseBuilder b("attention_causal");
  cases.push_back(
      b.finish(b.op(OpKind::attention, AttentionAttrs{.heads = 4, .causal = true},
                    {b.input({2, 4, 8}), b.input({2, 4, 8}), b.input({2, 4, 8}), kNoValue})));
}

}  // namespace edgefusion::onnx
