#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/tensor.h"
#include "formats/bundle.h"

namespace edgefusion::formats {

/// The files of a model by their names in the diffusers layout ("unet/config.json"), wherever they
/// are: in a folder or in a bundle.
class ModelFiles {
 public:
  virtual ~ModelFiles() = default;
  /// The name as messages say it.
  virtual std::string place(std::string_view name) const = 0;
  virtual bool has_file(std::string_view name) const = 0;
  /// Something lies in the folder of that name.
  virtual bool has_folder(std::string_view name) const = 0;
  /// Errors: not_found, io, bad_file (longer than a config may be).
  virtual Result<std::string> text(std::string_view name) const = 0;
  /// Weights of the network in that folder; "" is the model itself.
  virtual Result<std::shared_ptr<const TensorSource>> weights(std::string_view folder) const = 0;

  /// text() as an object. Errors: also bad_file as parse_json says.
  Result<nlohmann::json> json_object(std::string_view name) const;
};

std::unique_ptr<ModelFiles> files_of_folder(const std::filesystem::path& folder);
std::unique_ptr<ModelFiles> files_of_bundle(std::shared_ptr<const Bundle> bundle);

}  // namespace edgefusion::formats
