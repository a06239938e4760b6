#pragma once

#include <cstdint>

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "models/bert_text_config.h"

namespace edgefusion::models {

struct BertTextShape {
  int64_t batch = 1;
  int64_t tokens = 24;
  /// Rows of padding become zeros: what a U-Net that knows no text mask is trained with.
  bool zero_padding_states = false;
};

/// BERT's encoder (Devlin et al. 2019; transformers BertModel without its pooler).
/// Input: input_ids [N,T] i32. Output: last_hidden_state [N,T,C]. Tokens with the padding id are
/// masked as keys; token type 0 throughout. Files with the key prefix "bert." are accepted.
/// Errors: invalid_argument for sizes out of range; one error that lists every missing, misshapen
/// or unused tensor.
Result<graph::Graph> build_bert_text(const BertTextConfig& config, const BertTextShape& shape,
                                     const TensorSource* weights);

}  // namespace edgefusion::models
