#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "core/activation.h"
#include "core/json.h"

namespace edgefusion::models {

// What the configs of all networks share: a config is read strictly, because a key that is skipped
// silently gives pictures that are wrong in a way nobody can see.

/// The activation under `key`, by the names of diffusers and transformers ("silu", "swish",
/// "quick_gelu", "gelu_new", ...). Others are a complaint.
Activation read_activation(ConfigReader& reader, std::string_view key, std::string_view fallback);

/// Keys that do not change what the network computes at inference.
void accept(ConfigReader& reader, std::initializer_list<std::string_view> keys);

/// Keys that change the arithmetic in ways we do not offer: null, false and an absent key pass.
void refuse_if_set(ConfigReader& reader, std::initializer_list<std::string_view> keys);

/// A key with one value we offer ("default", "positional").
void require_string(ConfigReader& reader, std::string_view key, std::string_view only);

/// Keys every config of transformers may carry, none of which an encoder looks at.
void accept_transformers_keys(ConfigReader& reader);

/// All complaints so far and one for each key nobody asked for, or success.
Status finish_config(ConfigReader& reader);

}  // namespace edgefusion::models
