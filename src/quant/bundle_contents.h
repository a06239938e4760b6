#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "formats/quantized_bundle.h"
#include "quant/candidate.h"

namespace edgefusion::quant {

/// Weights, biases and scales of an assignment, as a bundle holds them; no description.
formats::QuantizedContents bundle_contents(SchemeBook& book, const Assignment& assignment);

/// A recipe ({"layers": .., "attention": ..}) that names every layer and every attention, those in
/// bf16 too: with it the same schemes come out again.
nlohmann::json whole_recipe(const LayerList& list, const Assignment& assignment);

/// Lowest and highest value that the u8 of each layer with static scales stand for, by path: of its
/// channels together.
nlohmann::json input_ranges(SchemeBook& book, const Assignment& assignment);

/// Hash over names, types, shapes and bytes of all weights of a model, by network.
std::string weights_hash(const pipeline::Model& model);

/// Hash over texts and their order.
std::string texts_hash(std::span<const std::string> texts);

}  // namespace edgefusion::quant
