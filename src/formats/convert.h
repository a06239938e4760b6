#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/result.h"
#include "core/tensor.h"
#include "formats/diffusers_folder.h"
#include "formats/safetensors_writer.h"

namespace edgefusion::formats {

/// The files of a model but for its weights, by their names in the diffusers layout: configs,
/// tokenizer, edgefusion.json, licences. Errors: io, bad_file (too long).
Result<std::map<std::string, std::string>> model_texts(const ModelFolder& model);

/// A model of three networks as one file (docs/bundle.md). `type`: floating-point tensors become
/// this. `packed`: regions by name, kept as they are. A quantised model stays quantised: of its
/// codes and their numbers every byte stays, and the new bundle has its own hash.
/// Errors: as write_safetensors; bad_file if a value does not fit the type.
Status write_bundle(const ModelFolder& model, std::optional<DType> type,
                    const std::vector<NamedTensor>& packed, const std::filesystem::path& path);

/// The same model as a diffusers folder, which must not exist; it appears whole or not at all.
/// Packed regions are left out: they are made for a machine.
Status write_diffusers_folder(const ModelFolder& model, std::optional<DType> type,
                              const std::filesystem::path& path);

}  // namespace edgefusion::formats
