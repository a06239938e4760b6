#include "onnx/op_exporters.h"

#include <array>

namespace edgefusion::onnx {

std::span<const OpExporter> op_exporters() {
  using graph::OpKind;
  static constexpr std::array<OpExporter, 22> kTable = {{
      {OpKind::input, nullptr},
      {OpKind::weight, nullptr},
      {OpKind::constant, nullptr},
      {OpKind::conv2d, export_conv2d},
      {OpKind::linear, export_linear},
      {OpKind::attention, export_attention},
      {OpKind::group_norm, export_group_norm},
      {OpKind::layer_norm, export_layer_norm},
      {OpKind::activation, export_activation},
      {OpKind::geglu, export_geglu},
      {OpKind::add, export_add},
      {OpKind::mul, export_mul},
      {OpKind::affine, export_affine},
      {OpKind::concat, export_concat},
      {OpKind::slice, export_slice},
      {OpKind::reshape, export_reshape},
      {OpKind::resize_nearest, export_resize_nearest},
      {OpKind::embedding, export_embedding},
      {OpKind::timestep_embedding, export_timestep_embedding},
      {OpKind::token_mask, export_token_mask},
      {OpKind::select_token, export_select_token},
      {OpKind::convert, export_convert},
  }};
  return kTable;
}

}  // namespace edgefusion::onnx
