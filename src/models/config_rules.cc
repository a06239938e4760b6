#include "models/config_rules.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace edgefusion::models {
namespace {

struct Spelling {
  std::string_view name;
  Activation activation;
};

constexpr std::array kSpellings = {
    Spelling{"silu", Activation::silu},
    Spelling{"swish", Activation::silu},
    Spelling{"gelu", Activation::gelu},
    Spelling{"relu", Activation::relu},
    Spelling{"quick_gelu", Activation::quick_gelu},
    Spelling{"gelu_new", Activation::gelu_tanh},
    Spelling{"gelu_pytorch_tanh", Activation::gelu_tanh},
};

std::string known_spellings() {
  std::string text = "one of";
  for (const Spelling& spelling : kSpellings) text.append(" ").append(spelling.name);
  return text;
}

}  // namespace

Activation read_activation(ConfigReader& reader, std::string_view key, std::string_view fallback) {
  std::string name = reader.string(key, fallback);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const Spelling& spelling : kSpellings) {
    if (spelling.name == name) return spelling.activation;
  }
  reader.complain(key, known_spellings(), describe(reader.raw(key)));
  return Activation::none;
}

void accept(ConfigReader& reader, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) reader.raw(key);
}

void refuse_if_set(ConfigReader& reader, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const nlohmann::json& value = reader.raw(key);
    const bool off = value.is_null() || (value.is_boolean() && !value.get<bool>());
    if (!off) reader.complain(key, "nothing (not supported)", describe(value));
  }
}

void require_string(ConfigReader& reader, std::string_view key, std::string_view only) {
  if (reader.string(key, only) == only) return;
  std::string expected(only);
  expected += " (others are not supported)";
  reader.complain(key, expected, describe(reader.raw(key)));
}

void accept_transformers_keys(ConfigReader& reader) {
  accept(reader, {"architectures",
                  "attn_implementation",
                  "bad_words_ids",
                  "begin_suppress_tokens",
                  "chunk_size_feed_forward",
                  "cross_attention_hidden_size",
                  "decoder_start_token_id",
                  "diversity_penalty",
                  "do_sample",
                  "dtype",
                  "early_stopping",
                  "encoder_no_repeat_ngram_size",
                  "exponential_decay_length_penalty",
                  "finetuning_task",
                  "forced_bos_token_id",
                  "forced_eos_token_id",
                  "gradient_checkpointing",
                  "id2label",
                  "initializer_factor",
                  "initializer_range",
                  "is_encoder_decoder",
                  "label2id",
                  "length_penalty",
                  "max_length",
                  "min_length",
                  "model_type",
                  "no_repeat_ngram_size",
                  "num_beam_groups",
                  "num_beams",
                  "num_return_sequences",
                  "output_attentions",
                  "output_hidden_states",
                  "output_past",
                  "output_scores",
                  "prefix",
                  "problem_type",
                  "remove_invalid_values",
                  "repetition_penalty",
                  "return_dict",
                  "return_dict_in_generate",
                  "sep_token_id",
                  "suppress_tokens",
                  "task_specific_params",
                  "temperature",
                  "tf_legacy_loss",
                  "tie_encoder_decoder",
                  "tie_word_embeddings",
                  "tokenizer_class",
                  "top_k",
                  "top_p",
                  "torch_dtype",
                  "torchscript",
                  "transformers_version",
                  "typical_p",
                  "use_bfloat16",
                  "use_cache"});
  refuse_if_set(reader, {"add_cross_attention", "is_decoder"});
  const nlohmann::json& pruned = reader.raw("pruned_heads");
  if (!pruned.empty()) reader.complain("pruned_heads", "nothing (not supported)", describe(pruned));
}

Status finish_config(ConfigReader& reader) {
  std::string text;
  if (Status status = reader.status(); !status) text = status.error().message();
  for (const std::string& key : reader.unread_keys()) {
    text += (text.empty() ? "" : "; ") + reader.origin() + ": unknown key " + printable(key);
    const std::string_view nearest = reader.nearest_asked_key(key);
    if (!nearest.empty()) text.append(", did you mean \"").append(nearest).append("\"?");
    text += ", refusing because it may change the arithmetic";
  }
  if (text.empty()) return {};
  return fail(ErrorCode::bad_file, std::move(text));
}

}  // namespace edgefusion::models
