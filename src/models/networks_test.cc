#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "graph/evaluate.h"
#include "models/builtin_configs.h"
#include "models/registry.h"

// How networks meet weight files and callers: names, complaints, limits.

namespace edgefusion::models {
namespace {

using nlohmann::json;

/// Zeros for every name and shape it is given.
class MadeUpWeights : public TensorSource {
 public:
  void add(const std::string& name, const Shape& shape) {
    tensors_[name] = Tensor(shape, DType::f32);
    views_[name] = std::as_const(tensors_[name]).view();
  }
  void remove(const std::string& name) {
    views_.erase(name);
    tensors_.erase(name);
  }
  const ConstTensorView* find(std::string_view name) const override {
    const auto found = views_.find(std::string(name));
    return found == views_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const auto& [name, view] : views_) all.push_back(name);
    return all;
  }
  std::string origin() const override { return "made_up.safetensors"; }

 private:
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, ConstTensorView> views_;
};

/// What the network asks for when it is built from shapes alone, each name with a prefix.
MadeUpWeights weights_for(const json& config, const NetworkRequest& request,
                          const std::string& prefix = "") {
  MadeUpWeights weights;
  const auto graph = build_network(config, "config.json", request, nullptr);
  EXPECT_TRUE(graph) << graph.error().message();
  for (const graph::Node& node : graph->nodes()) {
    if (node.op != graph::OpKind::weight) continue;
    const graph::Value& value = graph->value(node.output);
    weights.add(prefix + value.name, value.shape);
  }
  return weights;
}

json unet_config() {
  return {{"_class_name", "UNet2DConditionModel"},
          {"block_out_channels", {8, 16}},
          {"down_block_types", {"CrossAttnDownBlock2D", "DownBlock2D"}},
          {"up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D"}},
          {"layers_per_block", 1},
          {"norm_num_groups", 4},
          {"attention_head_dim", 2},
          {"cross_attention_dim", 6}};
}

json vae_config() {
  return {{"_class_name", "AutoencoderKL"},
          {"block_out_channels", {8, 8}},
          {"down_block_types", {"DownEncoderBlock2D", "DownEncoderBlock2D"}},
          {"up_block_types", {"UpDecoderBlock2D", "UpDecoderBlock2D"}},
          {"norm_num_groups", 4}};
}

json taesd_config() {
  return {{"_class_name", "AutoencoderTiny"},
          {"encoder_block_out_channels", {8, 8}},
          {"decoder_block_out_channels", {8, 8}},
          {"num_encoder_blocks", {1, 1}},
          {"num_decoder_blocks", {1, 1}}};
}

json bert_config() {
  return {{"architectures", {"BertModel"}}, {"hidden_size", 8},       {"intermediate_size", 16},
          {"num_attention_heads", 2},       {"num_hidden_layers", 1}, {"vocab_size", 10},
          {"max_position_embeddings", 12}};
}

json clip_config() {
  return {{"architectures", {"CLIPTextModel"}}, {"hidden_size", 8},       {"intermediate_size", 16},
          {"num_attention_heads", 2},           {"num_hidden_layers", 2}, {"vocab_size", 10}};
}

std::string refusal(const json& config, const NetworkRequest& request,
                    const TensorSource* weights) {
  const auto graph = build_network(config, "config.json", request, weights);
  EXPECT_FALSE(graph);
  return graph ? "" : graph.error().message();
}

TEST(Networks, MissingMisshapenAndUnusedTensorsAreAllListed) {
  const NetworkRequest request{.sizes = {.height = 4, .width = 4, .tokens = 3}};
  MadeUpWeights weights = weights_for(unet_config(), request);
  ASSERT_TRUE(build_network(unet_config(), "config.json", request, &weights));
  weights.remove("mid_block.attentions.0.proj_in.weight");
  weights.remove("time_embedding.linear_1.bias");
  weights.add("conv_in.weight", {8, 9, 3, 3});
  weights.add("add_embedding.linear_1.weight", {4, 4});
  const std::string message = refusal(unet_config(), request, &weights);
  for (const char* part :
       {"made_up.safetensors", "mid_block.attentions.0.proj_in.weight", "missing",
        "time_embedding.linear_1.bias", "conv_in.weight: shape [8,9,3,3], expected [8,4,3,3]",
        "add_embedding.linear_1.weight"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
  }
}

TEST(Networks, EachHalfOfAnAutoencoderIgnoresTheOther) {
  for (const json& config : {vae_config(), taesd_config()}) {
    const NetworkRequest decode{NetworkRole::vae_decoder, {.height = 4, .width = 4}};
    const NetworkRequest encode{NetworkRole::vae_encoder, {.height = 8, .width = 8}};
    MadeUpWeights both = weights_for(config, decode);
    const MadeUpWeights encoder = weights_for(config, encode);
    for (const std::string& name : encoder.names()) both.add(name, encoder.find(name)->shape);
    const auto decoder_graph = build_network(config, "config.json", decode, &both);
    EXPECT_TRUE(decoder_graph) << decoder_graph.error().message();
    const auto encoder_graph = build_network(config, "config.json", encode, &both);
    EXPECT_TRUE(encoder_graph) << encoder_graph.error().message();
    both.add("discriminator.weight", {3});
    EXPECT_NE(refusal(config, decode, &both).find("discriminator.weight"), std::string::npos);
  }
}

TEST(Networks, OldNamesAndOldShapesOfTheVaeAttentionAreTaken) {
  const NetworkRequest decode{NetworkRole::vae_decoder, {.height = 4, .width = 4}};
  MadeUpWeights weights = weights_for(vae_config(), decode);
  const std::string attention = "decoder.mid_block.attentions.0.";
  const std::map<std::string, std::string> renamed = {
      {"to_q", "query"}, {"to_k", "key"}, {"to_v", "value"}, {"to_out.0", "proj_attn"}};
  for (const auto& [now, before] : renamed) {
    weights.remove(attention + now + ".weight");
    weights.remove(attention + now + ".bias");
    weights.add(attention + before + ".weight", {8, 8, 1, 1});
    weights.add(attention + before + ".bias", {8});
  }
  const auto graph = build_network(vae_config(), "config.json", decode, &weights);
  EXPECT_TRUE(graph) << graph.error().message();
}

TEST(Networks, TheOriginalKeysOfTaesdAreTaken) {
  for (const NetworkRole role : {NetworkRole::vae_decoder, NetworkRole::vae_encoder}) {
    const bool decodes = role == NetworkRole::vae_decoder;
    const NetworkRequest request{role, {.height = 8, .width = 8}};
    const MadeUpWeights published = weights_for(taesd_config(), request);
    MadeUpWeights original;
    for (const std::string& name : published.names()) {
      // "decoder.layers.4.conv.0.weight" -> "5.conv.0.weight": the clamp was layer 0.
      const std::string rest = name.substr(std::string("decoder.layers.").size());
      const size_t dot = rest.find('.');
      const int layer = std::stoi(rest.substr(0, dot)) + (decodes ? 1 : 0);
      original.add(std::to_string(layer) + rest.substr(dot), published.find(name)->shape);
    }
    const auto graph = build_network(taesd_config(), "config.json", request, &original);
    EXPECT_TRUE(graph) << graph.error().message();
  }
}

TEST(Networks, TextEncodersTakeFilesWithAndWithoutTheirKeyPrefix) {
  const NetworkRequest request{NetworkRole::text_encoder, {.tokens = 5}};
  MadeUpWeights bert = weights_for(bert_config(), request, "bert.");
  bert.add("bert.pooler.dense.weight", {8, 8});
  bert.add("bert.embeddings.position_ids", {1, 12});
  const auto bert_graph = build_network(bert_config(), "config.json", request, &bert);
  EXPECT_TRUE(bert_graph) << bert_graph.error().message();

  const MadeUpWeights prefixed = weights_for(clip_config(), request);
  MadeUpWeights bare;
  const std::string prefix = "text_model.";
  for (const std::string& name : prefixed.names()) {
    ASSERT_TRUE(name.starts_with(prefix)) << name;
    bare.add(name.substr(prefix.size()), prefixed.find(name)->shape);
  }
  bare.add("embeddings.position_ids", {1, 77});
  const auto clip_graph = build_network(clip_config(), "config.json", request, &bare);
  EXPECT_TRUE(clip_graph) << clip_graph.error().message();
}

TEST(Networks, ClipSkipNeedsTheWholeFileButNotTheLastLayers) {
  const NetworkRequest whole{NetworkRole::text_encoder, {.tokens = 5}};
  const NetworkRequest skipping{NetworkRole::text_encoder, {.tokens = 5}, {.clip_skip = 1}};
  const MadeUpWeights weights = weights_for(clip_config(), whole);
  const auto graph = build_network(clip_config(), "config.json", skipping, &weights);
  ASSERT_TRUE(graph) << graph.error().message();
  EXPECT_NE(graph->find("text_model.encoder.layers.0"), graph::kNoValue);
  EXPECT_EQ(graph->find("text_model.encoder.layers.1"), graph::kNoValue);
  EXPECT_NE(refusal(clip_config(), {NetworkRole::text_encoder, {}, {.clip_skip = 2}}, nullptr)
                .find("clip_skip"),
            std::string::npos);
  EXPECT_NE(refusal(bert_config(), {NetworkRole::text_encoder, {}, {.clip_skip = 1}}, nullptr)
                .find("no CLIP"),
            std::string::npos);
}

TEST(Networks, TellHowManyIdsATextEncoderKnows) {
  json clip = clip_config();
  clip["vocab_size"] = nullptr;
  EXPECT_EQ(text_vocabulary(clip, "config.json"), 49408);
  EXPECT_EQ(text_vocabulary(bert_config(), "config.json"), bert_config()["vocab_size"]);
  EXPECT_FALSE(text_vocabulary(unet_config(), "config.json"));
}

TEST(Networks, RowsOfPaddingBecomeZerosIfAsked) {
  const NetworkRequest request{
      NetworkRole::text_encoder, {.batch = 2, .tokens = 3}, {.zero_padding_states = true}};
  MadeUpWeights weights = weights_for(bert_config(), request);
  // With all other weights zero, the last norm's bias is the state of every token.
  Tensor bias({8}, DType::f32);
  for (float& value : bias.values<float>()) value = 2.0f;
  class WithBias : public MadeUpWeights {
   public:
    WithBias(MadeUpWeights weights, Tensor bias)
        : MadeUpWeights(std::move(weights)), bias_(std::move(bias)), view_(bias_.view()) {}
    const ConstTensorView* find(std::string_view name) const override {
      const bool mine = name == "encoder.layer.0.output.LayerNorm.bias";
      return mine ? &view_ : MadeUpWeights::find(name);
    }

   private:
    Tensor bias_;
    ConstTensorView view_;
  };
  const WithBias with_bias(std::move(weights), std::move(bias));
  const auto graph = build_network(bert_config(), "config.json", request, &with_bias);
  ASSERT_TRUE(graph) << graph.error().message();
  Tensor ids({2, 3}, DType::i32);
  const std::vector<int32_t> values = {4, 5, 0, 6, 0, 0};
  std::copy(values.begin(), values.end(), ids.values<int32_t>().begin());
  const auto outputs = graph::evaluate(*graph, &with_bias, {{"input_ids", ids}});
  const auto states = outputs.at("last_hidden_state").values<float>();
  for (size_t token = 0; token < values.size(); ++token) {
    EXPECT_EQ(states[token * 8], values[token] == 0 ? 0.0f : 2.0f) << token;
  }
}

TEST(Networks, SizesOutOfRangeAreRefusedBeforeAnythingIsBuilt) {
  const std::vector<NetworkSizes> bad = {{.batch = 0},
                                         {.batch = -1},
                                         {.height = 0},
                                         {.width = -8},
                                         {.height = int64_t{1} << 40},
                                         {.batch = 1024, .height = 32768, .width = 32768}};
  for (const NetworkSizes& sizes : bad) {
    refusal(unet_config(), {NetworkRole::unet, sizes}, nullptr);
    refusal(vae_config(), {NetworkRole::vae_decoder, sizes}, nullptr);
    refusal(vae_config(), {NetworkRole::vae_encoder, sizes}, nullptr);
    refusal(taesd_config(), {NetworkRole::vae_decoder, sizes}, nullptr);
    refusal(taesd_config(), {NetworkRole::vae_encoder, sizes}, nullptr);
  }
  for (const int64_t tokens : {int64_t{0}, int64_t{-1}, int64_t{1} << 40}) {
    refusal(unet_config(), {NetworkRole::unet, {.tokens = tokens}}, nullptr);
    refusal(bert_config(), {NetworkRole::text_encoder, {.tokens = tokens}}, nullptr);
    refusal(clip_config(), {NetworkRole::text_encoder, {.tokens = tokens}}, nullptr);
  }
  // One token more than there are positions; a picture smaller than one latent.
  refusal(clip_config(), {NetworkRole::text_encoder, {.tokens = 78}}, nullptr);
  refusal(vae_config(), {NetworkRole::vae_encoder, {.height = 1, .width = 1}}, nullptr);
}

TEST(Networks, AUNetThatRoundsDownNeedsEnoughPixels) {
  json config = unet_config();
  config["downsample_padding"] = 0;
  EXPECT_TRUE(build_network(config, "c", {NetworkRole::unet, {.height = 2, .width = 3}}, nullptr));
  EXPECT_NE(
      refusal(config, {NetworkRole::unet, {.height = 1, .width = 3}}, nullptr).find("too small"),
      std::string::npos);
}

TEST(Registry, FindsTheClassByAnyOfItsNames) {
  EXPECT_EQ(network_class({{"_class_name", "AutoencoderTiny"}}, "c"),
            NetworkClass::autoencoder_tiny);
  EXPECT_EQ(network_class({{"architectures", {"CLIPTextModelWithProjection"}}}, "c"),
            NetworkClass::clip_text);
  EXPECT_EQ(network_class({{"model_type", "bert"}}, "c"), NetworkClass::bert_text);
}

TEST(Registry, RefusesUnknownClassesWithTheList) {
  for (const json& config : {json{{"_class_name", "SD3Transformer2DModel"}}, json::object(),
                             json(7), json{{"_class_name", 3}}, json{{"architectures", {}}}}) {
    const auto network = network_class(config, "unet/config.json");
    ASSERT_FALSE(network) << config.dump();
    EXPECT_EQ(network.error().code(), ErrorCode::unsupported);
    EXPECT_NE(network.error().message().find("unet/config.json"), std::string::npos);
    EXPECT_NE(network.error().message().find("UNet2DConditionModel"), std::string::npos);
  }
}

TEST(Registry, RefusesANetworkInTheWrongRole) {
  const std::string message = refusal(unet_config(), {NetworkRole::text_encoder}, nullptr);
  EXPECT_NE(message.find("text_encoder"), std::string::npos) << message;
  refusal(clip_config(), {NetworkRole::vae_decoder}, nullptr);
  refusal(vae_config(), {NetworkRole::unet}, nullptr);
}

TEST(Registry, RolesAreReadByNameOrRefusedWithTheList) {
  for (const NetworkRole role : {NetworkRole::text_encoder, NetworkRole::unet,
                                 NetworkRole::vae_decoder, NetworkRole::vae_encoder}) {
    EXPECT_EQ(parse_network_role(to_string(role)), role);
  }
  const auto role = parse_network_role("decoder");
  ASSERT_FALSE(role);
  EXPECT_NE(role.error().message().find("vae_decoder"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::models
