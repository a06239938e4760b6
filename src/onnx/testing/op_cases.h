#pragma once

#include <string>
#include <vector>

#include "onnx/testing/export_case.h"

// Every op with every attribute and operand it can have, passes' own among them.

namespace edgefusion::onnx {

inline void add_activation_cases(std::vector<ExportCase>& cases) {
  using graph::OpKind;
  for (const ActivationName& entry : kActivations) {
    CaseBuilder b("activation_" + std::string(entry.name));
    cases.push_back(b.finish(
        b.op(OpKind::activation, graph::ActivationAttrs{entry.activation}, {b.input({2, 3, 5})})));
  }
  for (const Shape& shape : {Shape{3, 8}, Shape{2, 3, 8}, Shape{2, 2, 3, 8}}) {
    CaseBuilder b("geglu_rank" + std::to_string(shape.rank()));
    cases.push_back(b.finish(b.op(OpKind::geglu, graph::NoAttrs{}, {b.input(shape)})));
  }
  for (const auto& [scale, shift] :
       {std::pair{2.0f, -0.5f}, {1.0f, 0.5f}, {3.0f, 0.0f}, {1.0f, 0.0f}}) {
    CaseBuilder b("affine_" + std::to_string(cases.size()));
    cases.push_back(
        b.finish(b.op(OpKind::affine, graph::AffineAttrs{scale, shift}, {b.input({2, 3})})));
  }
}

inline void add_broadcast_cases(std::vector<ExportCase>& cases) {
  struct Shapes {
    Shape a, b;
  };
  const std::vector<Shapes> all = {{{2, 3, 4, 5}, {2, 3, 4, 5}},
                                   {{2, 3, 4, 5}, {5}},
                                   {{2, 3, 4, 5}, {2, 5}},
                                   {{2, 3, 4, 5}, {2, 1, 1, 5}},
                                   {{2, 3, 4, 5}, {2, 3, 4}},
                                   {{2, 3, 4, 5}, {2, 3, 4, 1}},
                                   {{2, 3, 4, 5}, {3, 4, 5}},
                                   {{2, 3, 4, 5}, {1, 3, 4, 5}},
                                   {{2, 3, 5}, {5}},
                                   {{2, 3, 5}, {2, 5}},
                                   {{2, 3, 5}, {2, 1, 5}},
                                   {{2, 3, 5}, {2, 3}},
                                   {{2, 3, 5}, {2, 3, 1}},
                                   {{2, 3, 5}, {3, 5}},
                                   {{2, 3, 5}, {1, 3, 5}},
                                   {{2, 5}, {5}},
                                   {{2, 5}, {2, 1}},
                                   {{5}, {5}}};
  for (const Shapes& shapes : all) {
    for (const bool is_weight : {false, true}) {
      CaseBuilder b("broadcast_" + std::to_string(cases.size()));
      const graph::ValueId a = b.input(shapes.a);
      const graph::ValueId other = is_weight ? b.weight(shapes.b) : b.input(shapes.b);
      const graph::ValueId sum = b.op(graph::OpKind::add, graph::NoAttrs{}, {a, other});
      cases.push_back(b.finish(b.op(graph::OpKind::mul, graph::NoAttrs{}, {sum, other})));
    }
  }
}

inline void add_layout_cases(std::vector<ExportCase>& cases) {
  using graph::OpKind;
  const auto reshape = [&](const Shape& from, const Shape& to) {
    CaseBuilder b("reshape_" + std::to_string(cases.size()));
    cases.push_back(b.finish(b.op(OpKind::reshape, graph::ReshapeAttrs{to}, {b.input(from)})));
  };
  reshape({2, 3, 4, 5}, {2, 12, 5});
  reshape({2, 12, 5}, {2, 3, 4, 5});
  reshape({2, 3, 4, 5}, {2, 4, 3, 5});
  reshape({2, 3, 4, 5}, {120});
  reshape({2, 3, 4, 5}, {2, 60});
  reshape({120}, {2, 3, 4, 5});
  reshape({2, 12, 5}, {24, 5});
  for (int axis = 0; axis < 4; ++axis) {
    CaseBuilder b("slice_" + std::to_string(axis));
    cases.push_back(
        b.finish(b.op(OpKind::slice, graph::SliceAttrs{axis, 1, 3}, {b.input({3, 4, 5, 6})})));
  }
  {
    CaseBuilder b("concat_pictures");
    cases.push_back(
        b.finish(b.op(OpKind::concat, graph::NoAttrs{},
                      {b.input({2, 3, 4, 5}), b.weight({2, 3, 4, 1}), b.input({2, 3, 4, 2})})));
  }
  {
    CaseBuilder b("concat_tokens");
    cases.push_back(b.finish(b.op(OpKind::concat, graph::NoAttrs{},
                                  {b.input({2, 3, 5}), b.constant(noise({2, 3, 1}, 9))})));
  }
  for (const auto& [height, width] : {std::pair{6, 8}, {9, 4}, {7, 5}, {2, 3}, {10, 6}}) {
    CaseBuilder b("resize_" + std::to_string(height) + "x" + std::to_string(width));
    cases.push_back(b.finish(
        b.op(OpKind::resize_nearest, graph::ResizeAttrs{height, width}, {b.input({2, 3, 4, 5})})));
  }
  {
    CaseBuilder b("resize_six_to_ten");  // where a scale in f32 would miss an index
    cases.push_back(b.finish(
        b.op(OpKind::resize_nearest, graph::ResizeAttrs{10, 10}, {b.input({1, 6, 6, 2})})));
  }
}

inline void add_norm_cases(std::vector<ExportCase>& cases) {
  using graph::OpKind;
  for (const Shape& shape :
       {Shape{2, 8}, Shape{2, 3, 8}, Shape{2, 3, 4, 8}, Shape{2, 3, 2, 2, 8}}) {
    CaseBuilder b("group_norm_rank" + std::to_string(shape.rank()));
    cases.push_back(
        b.finish(b.op(OpKind::group_norm, graph::GroupNormAttrs{4, 1e-3f, Activation::silu},
                      {b.input(shape), b.weight({8}), b.weight({8})})));
  }
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{2, 3, 4, 4}}) {
    CaseBuilder b("group_norm_two_sources_rank" + std::to_string(shape.rank()));
    Shape second = shape;
    second.set(-1, 2);
    cases.push_back(b.finish(b.op(
        OpKind::group_norm, graph::GroupNormAttrs{2, 1e-5f, Activation::none},
        {b.input(shape), b.input(Tensor(Shape{6}, DType::f32)), b.weight({6}), b.input(second)})));
  }
  for (const Shape& shape : {Shape{8}, Shape{2, 8}, Shape{2, 3, 8}, Shape{2, 3, 4, 8}}) {
    CaseBuilder b("layer_norm_rank" + std::to_string(shape.rank()));
    cases.push_back(b.finish(b.op(OpKind::layer_norm, graph::LayerNormAttrs{1e-3f},
                                  {b.input(shape), b.weight({8}), b.weight({8})})));
  }
}

inline void add_token_cases(std::vector<ExportCase>& cases) {
  using graph::OpKind;
  {
    CaseBuilder b("embedding");  // ids on both sides of the table give zeros
    cases.push_back(
        b.finish(b.op(OpKind::embedding, graph::NoAttrs{},
                      {b.input(ids({2, 3}, {0, 6, 3, -1, 7, 2000000000})), b.weight({7, 5})})));
  }
  for (const bool flip : {false, true}) {
    CaseBuilder b(std::string("timestep_embedding") + (flip ? "_flip" : ""));
    cases.push_back(
        b.finish(b.op(OpKind::timestep_embedding,
                      graph::TimestepEmbeddingAttrs{flip ? 9 : 8, flip, flip ? 0.0f : 1.0f},
                      {b.input(Tensor::from_f32({3}, std::vector<float>{999, 1, 500.5f}))})));
  }
  CaseBuilder mask("token_mask");
  cases.push_back(mask.finish(mask.op(OpKind::token_mask, graph::TokenMaskAttrs{3},
                                      {mask.input(ids({2, 3}, {3, 1, 2, 0, 3, 3}))})));
  for (const int32_t token : {-1, 7}) {
    CaseBuilder b("select_token_" + std::to_string(token));  // 7: twice, and not at all
    cases.push_back(b.finish(
        b.op(OpKind::select_token, graph::SelectTokenAttrs{token},
             {b.input({3, 4, 5}), b.input(ids({3, 4}, {1, 7, 7, 9, 2, 3, 9, 9, 7, 1, 2, 3}))})));
  }
  for (const DType type : {DType::bf16, DType::f32, DType::u8}) {
    CaseBuilder b("convert_" + std::string(to_string(type)));
    const auto format =
        std::make_shared<const graph::U8Format>(graph::U8Format{{0.01f, 0.02f, 0.005f}, 100});
    const graph::ValueId stored =
        b.op(OpKind::convert, graph::ConvertAttrs{type, type == DType::u8 ? format : nullptr},
             {b.input({2, 2, 4, 3})});
    cases.push_back(b.finish(
        b.op(OpKind::convert, graph::ConvertAttrs{DType::f32, type == DType::u8 ? format : nullptr},
             {stored})));
  }
}

}  // namespace edgefusion::onnx
