#pragma once

#include "graph/op_table.h"

// The rows of the op table, each defined in the file named after its op or group of ops.

namespace edgefusion::graph {

OpInfo input_op();  // sources.cc
OpInfo weight_op();
OpInfo constant_op();
OpInfo conv2d_op();      // conv2d.cc
OpInfo linear_op();      // linear.cc
OpInfo attention_op();   // attention.cc
OpInfo group_norm_op();  // norm.cc
OpInfo layer_norm_op();
OpInfo activation_op();  // activation.cc
OpInfo geglu_op();
OpInfo add_op();  // arithmetic.cc
OpInfo mul_op();
OpInfo affine_op();
OpInfo concat_op();  // layout.cc
OpInfo slice_op();
OpInfo reshape_op();
OpInfo resize_nearest_op();      // resize.cc
OpInfo embedding_op();           // embedding.cc
OpInfo timestep_embedding_op();  // timestep_embedding.cc
OpInfo token_mask_op();          // tokens.cc
OpInfo select_token_op();
OpInfo convert_op();

}  // namespace edgefusion::graph
