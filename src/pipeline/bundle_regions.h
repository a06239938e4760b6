#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/packed_regions.h"
#include "engine/program.h"
#include "formats/bundle.h"
#include "pipeline/model.h"

namespace edgefusion::pipeline {

/// The regions that came packed in a bundle, then those of `next` (may be null).
std::unique_ptr<engine::PackedRegions> regions_of_bundle(
    std::shared_ptr<const formats::Bundle> bundle, std::unique_ptr<engine::PackedRegions> next);

/// A region made for a bundle, under its name there.
struct NamedRegion {
  std::string name;
  engine::MappedRegion region;
};

/// Packs every network of a model as a picture of its default size and guidance needs it, into
/// files in `folder`, which must stay until the regions are written to where they belong. Errors:
/// those of compiling, and of writing the files.
Result<std::vector<NamedRegion>> pack_model(const Model& model, const Runtime& runtime,
                                            engine::Precision precision,
                                            const std::filesystem::path& folder);

}  // namespace edgefusion::pipeline
