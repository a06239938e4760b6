#include <algorithm>
#include <vector>

#include "graph/ops/ops.h"
#include "graph/ops/reference.h"
#include "graph/ops/shape_rules.h"

// Two-dimensional convolution (cross-correlation, as in every framework), zero padded:
// y[n,h,w,o] = sum over i,kh,kw of x[n, h*stride + kh - pad_top, w*stride + kw - pad_left, i]
//              * weight[o,i,kh,kw], then the epilogue. With upsample2x, x[n,h,w] reads
//              x[n,h/2,w/2]; with x2, the channels of x2 follow those of x; image_add[n,o] is added
//              like the bias.

namespace edgefusion::graph {
namespace {

struct ConvSizes {
  int64_t n, height, width, in_channels;  // x after upsampling
  int64_t out_channels, kernel_h, kernel_w;
};

ConvSizes sizes_of(const Conv2dAttrs& attrs, const Shape& x, const Shape& weight) {
  const int64_t factor = attrs.upsample2x ? 2 : 1;
  return {x[0], x[1] * factor, x[2] * factor, x[3], weight[0], weight[2], weight[3]};
}

Status check_attrs(const Conv2dAttrs& attrs) {
  if (attrs.epilogue.geglu) return refuse("geglu is for linear alone");
  if (attrs.stride < 1) return refuse("stride " + std::to_string(attrs.stride) + " is below 1");
  for (const int pad : {attrs.pad_top, attrs.pad_left, attrs.pad_bottom, attrs.pad_right}) {
    if (pad < 0) return refuse("padding " + std::to_string(pad) + " is negative");
  }
  return {};
}

Result<int64_t> output_extent(int64_t padded, int64_t kernel, int stride) {
  if (padded < kernel) {
    return refuse("kernel of " + std::to_string(kernel) + " is larger than the padded extent of " +
                  std::to_string(padded));
  }
  return (padded - kernel) / stride + 1;
}

Result<Value> infer(const Attrs& any, InputValues inputs) {
  const auto& attrs = std::get<Conv2dAttrs>(any);
  const Value& x = required(inputs, ConvSlots::x);
  const Value& weight = required(inputs, ConvSlots::weight);
  EF_TRY_STATUS(check_float(x, "x", 4));
  EF_TRY_STATUS(check_float(weight, "weight", 4));
  EF_TRY_STATUS(check_attrs(attrs));
  EF_TRY(const Shape source, joined_shape(x, inputs, ConvSlots::x2));
  if (attrs.upsample2x && optional_input(inputs, ConvSlots::x2) != nullptr) {
    return refuse("upsample2x of two sources");
  }
  const ConvSizes s = sizes_of(attrs, source, weight.shape);
  if (s.in_channels != weight.shape[1]) {
    return refuse("x has shape " + source.to_string() + ", expected " +
                  std::to_string(weight.shape[1]) + " channels, as in weight " +
                  weight.shape.to_string());
  }
  EF_TRY(const int64_t height,
         output_extent(s.height + attrs.pad_top + attrs.pad_bottom, s.kernel_h, attrs.stride));
  EF_TRY(const int64_t width,
         output_extent(s.width + attrs.pad_left + attrs.pad_right, s.kernel_w, attrs.stride));
  EF_TRY(Value output, make_output(Shape{s.n, height, width, s.out_channels}));
  EF_TRY_STATUS(check_macs({output.shape.elements(), s.in_channels, s.kernel_h, s.kernel_w}));
  EF_TRY_STATUS(check_epilogue(inputs, output.shape));
  if (const Value* image_add = optional_input(inputs, ConvSlots::image_add)) {
    EF_TRY_STATUS(check_float(*image_add, "image_add", 2));
    EF_TRY_STATUS(check_shape(*image_add, "image_add", Shape{s.n, s.out_channels}));
  }
  return output;
}

int64_t macs(const Attrs&, InputValues inputs, const Value& output) {
  const Shape& weight = required(inputs, ConvSlots::weight).shape;
  return output.shape.elements() * weight[1] * weight[2] * weight[3];
}

// [O,I,KH,KW] -> [KH*KW*I, O], the order in which gather_patch lays out its row.
std::vector<double> arranged_weight(const float* weight, const ConvSizes& s) {
  const int64_t taps = s.kernel_h * s.kernel_w;
  std::vector<double> result(static_cast<size_t>(s.out_channels * s.in_channels * taps));
  for (int64_t o = 0; o < s.out_channels; ++o) {
    for (int64_t i = 0; i < s.in_channels; ++i) {
      for (int64_t t = 0; t < taps; ++t) {
        result[static_cast<size_t>((t * s.in_channels + i) * s.out_channels + o)] =
            static_cast<double>(weight[(o * s.in_channels + i) * taps + t]);
      }
    }
  }
  return result;
}

// The inputs of output pixel (row, column) as [KH,KW,I], zeros outside of the picture.
void gather_patch(const float* image, const ConvSizes& s, const Conv2dAttrs& attrs, int64_t row,
                  int64_t column, std::vector<double>& patch) {
  const int shift = attrs.upsample2x ? 1 : 0;
  const int64_t stored_width = s.width >> shift;
  double* dst = patch.data();
  for (int64_t tap = 0; tap < s.kernel_h * s.kernel_w; ++tap, dst += s.in_channels) {
    const int64_t h = row * attrs.stride + tap / s.kernel_w - attrs.pad_top;
    const int64_t w = column * attrs.stride + tap % s.kernel_w - attrs.pad_left;
    const bool inside = h >= 0 && h < s.height && w >= 0 && w < s.width;
    if (!inside) {
      std::fill_n(dst, s.in_channels, 0.0);
      continue;
    }
    const float* src = image + ((h >> shift) * stored_width + (w >> shift)) * s.in_channels;
    std::copy_n(src, s.in_channels, dst);
  }
}

void evaluate(const Attrs& any, std::span<const ConstTensorView> inputs, TensorView output) {
  const auto& attrs = std::get<Conv2dAttrs>(any);
  Shape x_shape = inputs[ConvSlots::x].shape;
  x_shape.set(-1, inputs[ConvSlots::weight].shape[1]);  // of both sources
  std::vector<float> scratch;
  const float* x = joined_sources(inputs, ConvSlots::x, ConvSlots::x2, scratch);
  const ConvSizes s = sizes_of(attrs, x_shape, inputs[ConvSlots::weight].shape);
  const auto weight = arranged_weight(inputs[ConvSlots::weight].as<float>(), s);
  const float* bias = optional_data(inputs, ConvSlots::bias);
  const float* residual = optional_data(inputs, ConvSlots::residual);
  const float* image_add = optional_data(inputs, ConvSlots::image_add);
  const int64_t image_size = x_shape[1] * x_shape[2] * x_shape[3];
  const int64_t out_height = output.shape[1], out_width = output.shape[2];

  std::vector<double> patch(static_cast<size_t>(s.kernel_h * s.kernel_w * s.in_channels));
  std::vector<double> sums(static_cast<size_t>(s.out_channels));
  for (int64_t pixel = 0; pixel < output.shape.rows(); ++pixel) {
    const int64_t n = pixel / (out_height * out_width);
    const float* image = x + n * image_size;
    gather_patch(image, s, attrs, pixel / out_width % out_height, pixel % out_width, patch);
    std::fill(sums.begin(), sums.end(), 0.0);
    for (int64_t o = 0; image_add != nullptr && o < s.out_channels; ++o) {
      sums[static_cast<size_t>(o)] = static_cast<double>(image_add[n * s.out_channels + o]);
    }
    multiply_row(patch, weight.data(), sums);
    const int64_t offset = pixel * s.out_channels;
    const float* residual_row = residual == nullptr ? nullptr : residual + offset;
    store_row(sums, {bias, residual_row, attrs.epilogue}, output.as<float>() + offset);
  }
}

std::string describe(const Attrs& any) {
  const auto& attrs = std::get<Conv2dAttrs>(any);
  std::string text = "stride=" + std::to_string(attrs.stride);
  text += " pad=" + std::to_string(attrs.pad_top) + "," + std::to_string(attrs.pad_left) + "," +
          std::to_string(attrs.pad_bottom) + "," + std::to_string(attrs.pad_right);
  if (attrs.upsample2x) text += " upsample2x";
  return text + epilogue_text(attrs.epilogue);
}

}  // namespace

OpInfo conv2d_op() { return {OpKind::conv2d, "conv2d", infer, macs, evaluate, describe}; }

}  // namespace edgefusion::graph
