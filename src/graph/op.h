#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/activation.h"
#include "core/tensor.h"
#include "graph/quantization.h"

namespace edgefusion::graph {

/// What a node computes. Activations are channels last: pictures [N,H,W,C], tokens [N,T,C],
/// vectors [N,C]. The table in op_table.h has shape rule, MACs and reference of each.
enum class OpKind : uint8_t {
  input,               ///< a tensor the caller gives at run time
  weight,              ///< a tensor (or several, stacked) of the weight file
  constant,            ///< a tensor known when the graph is built
  conv2d,              ///< x, weight [O,I,KH,KW], bias? [O], residual?, x2?, image_add? [N,O]
                       ///< -> [N,OH,OW,O]
  linear,              ///< x [...,K], weight [O,K], bias? [O], residual? -> [...,O], or [...,O/2]
                       ///< with geglu
  attention,           ///< q [N,Tq,C], k [N,Tk,C], v [N,Tk,Cv], key_mask? [N,Tk] -> [N,Tq,Cv];
                       ///< each may be a range of columns of its operand
  group_norm,          ///< x [N,...,C], gamma [C], beta [C]; with x2 [N,...,C2] all are [C+C2]
  layer_norm,          ///< x [...,C], gamma [C], beta [C]
  activation,          ///< element by element
  geglu,               ///< x [...,2C] -> x[..., :C] * gelu(x[..., C:])
  add,                 ///< a + b; b like a, or broadcast as in graph/broadcast.h
  mul,                 ///< a * b; broadcast as add
  affine,              ///< scale * x + shift, both scalars
  concat,              ///< along the last axis
  slice,               ///< [begin, end) of one axis
  reshape,             ///< same elements in the same order
  resize_nearest,      ///< [N,H,W,C] -> [N,OH,OW,C], source index floor(i * in / out)
  embedding,           ///< ids [N,T] i32, table [V,C] -> [N,T,C]; ids outside the table give zeros
  timestep_embedding,  ///< t [N] f32 -> sinusoids [N,dim]
  token_mask,          ///< ids [N,T] i32 -> [N,T] f32: 0 where the id is the padding id, else 1
  select_token,        ///< x [N,T,C], ids [N,T] i32 -> [N,C], the state at the end-of-text token
  convert,             ///< the same values in another storage type: f32, bf16 or u8
};

struct InputAttrs {};

/// Tensors of the weight file stacked along axis 0 (one, unless a pass merged projections).
struct WeightAttrs {
  std::vector<std::string> tensors;
};

struct ConstantAttrs {
  std::shared_ptr<const Tensor> data;
};

/// What a matrix op does to its sums before it stores them:
/// y = act(sum + bias) + residual, or act(sum + bias + residual) if activation_after_residual.
/// geglu (of linear alone, with neither activation nor residual): the first half of sum + bias
/// times the gelu of the second half; y is half as wide as the weight has rows.
struct Epilogue {
  Activation activation = Activation::none;
  bool activation_after_residual = false;
  bool geglu = false;
};

/// How a layer is quantised; nullptr: not. Given by the engine, networks do not write it.
using QuantizationOf = std::shared_ptr<const LayerQuantization>;

struct Conv2dAttrs {
  int stride = 1;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;  // zeros
  bool upsample2x = false;  ///< x is enlarged by 2 (nearest) before the convolution
  Epilogue epilogue;
  QuantizationOf quantization = nullptr;
};

struct LinearAttrs {
  Epilogue epilogue;
  QuantizationOf quantization = nullptr;
};

/// A key is left out where key_mask is 0; a query that has no key left gives zeros.
struct AttentionAttrs {
  int heads = 1;
  float scale = 1.0f;                              ///< multiplies q k^T before the softmax
  bool causal = false;                             ///< query i sees keys 0 to i; needs Tq == Tk
  AttentionScheme scheme = AttentionScheme::bf16;  ///< given by the engine
  /// q, k and v are the columns [begin, begin + width) of their operands: one matrix may have made
  /// several of them side by side. Width 0: the whole operand.
  int64_t q_begin = 0, k_begin = 0, v_begin = 0;
  int64_t qk_width = 0, v_width = 0;

  int64_t width_of_qk(const Shape& q) const { return qk_width == 0 ? q[-1] : qk_width; }
  int64_t width_of_v(const Shape& v) const { return v_width == 0 ? v[-1] : v_width; }
};

struct GroupNormAttrs {
  int groups = 32;
  float eps = 1e-5f;
  Activation activation = Activation::none;  ///< applied to the result
};

struct LayerNormAttrs {
  float eps = 1e-5f;
};

struct ActivationAttrs {
  Activation kind = Activation::none;
};

struct AffineAttrs {
  float scale = 1.0f;
  float shift = 0.0f;
};

struct SliceAttrs {
  int axis = 0;
  int64_t begin = 0, end = 0;
};

struct ReshapeAttrs {
  Shape shape;
};

struct ResizeAttrs {
  int64_t height = 0, width = 0;
};

/// Sinusoids as diffusers' get_timestep_embedding, max_period 10000.
struct TimestepEmbeddingAttrs {
  int64_t dim = 0;
  bool flip_sin_to_cos = true;  ///< true: cosines first
  float freq_shift = 0.0f;      ///< downscale_freq_shift
};

struct TokenMaskAttrs {
  int32_t padding_id = 0;
};

struct SelectTokenAttrs {
  /// First position of this id; -1: position of the largest id (old CLIP configs).
  int32_t token_id = -1;
};

/// Made by the engine where it decides how values are stored; networks do not write it.
struct ConvertAttrs {
  DType to = DType::f32;
  std::shared_ptr<const U8Format> u8 = nullptr;  ///< of the side that is u8
};

struct NoAttrs {};

using Attrs = std::variant<NoAttrs, InputAttrs, WeightAttrs, ConstantAttrs, Conv2dAttrs,
                           LinearAttrs, AttentionAttrs, GroupNormAttrs, LayerNormAttrs,
                           ActivationAttrs, AffineAttrs, SliceAttrs, ReshapeAttrs, ResizeAttrs,
                           TimestepEmbeddingAttrs, TokenMaskAttrs, SelectTokenAttrs, ConvertAttrs>;

/// Positions of the inputs of ops with optional ones; an absent input is kNoValue.
/// image_add is added to the sums of all pixels of an image, like a bias of its own.
/// x2 is a second source: its channels follow those of x, as if the two had been joined before.
struct ConvSlots {
  enum { x = 0, weight = 1, bias = 2, residual = 3, x2 = 4, image_add = 5, count = 6 };
};
struct LinearSlots {
  enum { x = 0, weight = 1, bias = 2, residual = 3, count = 4 };
};
struct AttentionSlots {
  enum { q = 0, k = 1, v = 2, key_mask = 3, count = 4 };
};
struct NormSlots {
  enum { x = 0, gamma = 1, beta = 2, x2 = 3, count = 4 };  // x2: group_norm alone
};

}  // namespace edgefusion::graph
