#include "train/autoencoder_files.h"

#include "core/json.h"
#include "models/registry.h"

namespace edgefusion::train {
namespace {

constexpr double kLatentDiffusionScale = 0.18215;  // of an AutoencoderKL that does not say its own

}  // namespace

Result<formats::NetworkFiles> open_autoencoder(const std::filesystem::path& folder) {
  EF_TRY(const formats::ModelFolder opened, formats::open_diffusers_folder(folder));
  const formats::NetworkFiles* vae = opened.network("vae");
  if (vae == nullptr) {
    return fail(ErrorCode::unsupported, folder.string() + ": expected an autoencoder");
  }
  return *vae;
}

Result<double> latent_scale(const formats::NetworkFiles& autoencoder) {
  EF_TRY(const models::NetworkClass found,
         models::network_class(autoencoder.config, autoencoder.config_origin));
  const bool tiny = found == models::NetworkClass::autoencoder_tiny;
  ConfigReader reader(autoencoder.config, autoencoder.config_origin);
  const double scale = reader.number("scaling_factor", tiny ? 1.0 : kLatentDiffusionScale);
  EF_TRY_STATUS(reader.status());
  return scale;
}

}  // namespace edgefusion::train
