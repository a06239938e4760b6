#include "formats/diffusers_folder.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "core/json.h"
#include "formats/model_files.h"
#include "formats/safetensors.h"
#include "formats/sharded.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kIndex = "model_index.json", kOurs = "edgefusion.json",
                           kTokenizer = "tokenizer";
constexpr std::array<const char*, 3> kNetworkRoles = {"text_encoder", "unet", "vae"};
constexpr std::array<std::string_view, 5> kPipelineClasses = {
    "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline",
    "LatentConsistencyModelPipeline", "LatentConsistencyModelImg2ImgPipeline"};

struct WeightName {
  std::string_view file;
  bool sharded;
};
constexpr std::array kWeightNames = {
    WeightName{"diffusion_pytorch_model.safetensors", false},
    WeightName{"diffusion_pytorch_model.safetensors.index.json", true},
    WeightName{"model.safetensors", false},
    WeightName{"model.safetensors.index.json", true},
    WeightName{"diffusion_pytorch_model.fp16.safetensors", false},
    WeightName{"diffusion_pytorch_model.safetensors.index.fp16.json", true},
    WeightName{"model.fp16.safetensors", false},
    WeightName{"model.safetensors.index.fp16.json", true}};

struct ClassRole {
  std::string_view class_name;
  std::string_view role;
};
constexpr std::array kClassRoles = {ClassRole{"UNet2DConditionModel", "unet"},
                                    ClassRole{"AutoencoderKL", "vae"},
                                    ClassRole{"AutoencoderTiny", "vae"},
                                    ClassRole{"CLIPTextModel", "text_encoder"},
                                    ClassRole{"CLIPTextModelWithProjection", "text_encoder"},
                                    ClassRole{"BertModel", "text_encoder"},
                                    ClassRole{"ImageTextModel", "image_encoder"}};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

Status require_folder(const fs::path& path, std::string_view what) {
  if (is_folder(path)) return {};
  std::error_code ignored;
  const bool there = fs::exists(path, ignored);
  return fail(there ? ErrorCode::bad_file : ErrorCode::not_found,
              path.string() + ": expected " + std::string(what) + ", found " +
                  (there ? "something else" : "nothing"));
}

/// Name of a pickle file in the folder, or empty.
std::string pickle_in(const fs::path& folder) {
  std::error_code error;
  std::string found;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path extension = it->path().extension();
    if (extension != ".bin" && extension != ".ckpt" && extension != ".pt" && extension != ".pth") {
      continue;
    }
    const std::string name = it->path().filename().string();
    if (found.empty() || name < found) found = name;
  }
  return found;
}

std::string class_of(const json& config) {
  const auto class_name = config.find("_class_name");
  if (class_name != config.end() && class_name->is_string()) return class_name->get<std::string>();
  const auto architectures = config.find("architectures");
  const bool listed = architectures != config.end() && architectures->is_array() &&
                      !architectures->empty() && architectures->front().is_string();
  return listed ? architectures->front().get<std::string>() : std::string();
}

tl::unexpected<Error> unknown_class(const std::string& place, const std::string& found,
                                    std::span<const std::string_view> known) {
  std::string message = place + ": _class_name: expected one of ";
  for (const std::string_view name : known) message.append(name).append(", ");
  message += found.empty() ? "found nothing" : "found \"" + printable(found) + "\"";
  return fail(found.empty() ? ErrorCode::bad_file : ErrorCode::unsupported, std::move(message));
}

/// The network in the folder of that name; "" is the model itself.
Result<NetworkFiles> open_network(const ModelFiles& files, const std::string& folder) {
  const std::string config = folder.empty() ? "config.json" : folder + "/config.json";
  NetworkFiles network;
  EF_TRY(network.config, files.json_object(config));
  network.config_origin = files.place(config);
  network.class_name = class_of(network.config);
  EF_TRY(network.weights, files.weights(folder));
  return network;
}

/// The class the index names for a component: [library, class].
Result<std::string> component_class(const json& index, const std::string& place,
                                    std::string_view component) {
  const auto entry = index.find(component);
  const bool pair = entry != index.end() && entry->is_array() && entry->size() == 2 &&
                    (*entry)[0].is_string() && (*entry)[1].is_string();
  if (pair) return (*entry)[1].get<std::string>();
  const bool absent = entry == index.end() || entry->is_null() ||
                      (entry->is_array() && entry->size() == 2 && (*entry)[1].is_null());
  return fail(ErrorCode::bad_file, place + ": " + std::string(component) +
                                       ": expected [library, class], found " +
                                       (absent ? "nothing" : describe(*entry)));
}

Status check_pipeline_class(const json& index, const std::string& place, std::string& class_name) {
  class_name = class_of(index);
  if (std::ranges::find(kPipelineClasses, class_name) != kPipelineClasses.end()) return {};
  return unknown_class(place, class_name, kPipelineClasses);
}

Status require_folder(const ModelFiles& files, std::string_view name, std::string_view what) {
  if (files.has_folder(name)) return {};
  const bool there = files.has_file(name);
  return fail(there ? ErrorCode::bad_file : ErrorCode::not_found,
              files.place(name) + ": expected " + std::string(what) + ", found " +
                  (there ? "something else" : "nothing"));
}

Status open_scheduler(const ModelFiles& files, const json& index, const std::string& place,
                      ModelFolder& model) {
  constexpr std::string_view kConfig = "scheduler/scheduler_config.json";
  EF_TRY(model.scheduler_class, component_class(index, place, "scheduler"));
  EF_TRY(model.scheduler_text, files.text(kConfig));
  model.scheduler_origin = files.place(kConfig);
  return {};
}

/// The class the index names must be one that fills the role: the program would run another network
/// than the one that is meant.
Status check_role(const std::string& class_name, std::string_view role, const std::string& place) {
  std::string known;
  for (const ClassRole& row : kClassRoles) {
    if (row.role != role) continue;
    if (row.class_name == class_name) return {};
    known.append(known.empty() ? "" : ", ").append(row.class_name);
  }
  return fail(ErrorCode::unsupported, place + ": " + std::string(role) + ": expected one of " +
                                          known + ", found \"" + printable(class_name) + "\"");
}

/// A pipeline but for its tokenizer.
Result<ModelFolder> open_pipeline(const ModelFiles& files, const fs::path& path) {
  ModelFolder model;
  model.path = path;
  const std::string place = files.place(kIndex);
  EF_TRY(const json index, files.json_object(kIndex));
  EF_TRY_STATUS(check_pipeline_class(index, place, model.pipeline_class));
  for (const std::string role : kNetworkRoles) {
    EF_TRY(const std::string class_name, component_class(index, place, role));
    EF_TRY_STATUS(check_role(class_name, role, place));
    EF_TRY_STATUS(require_folder(files, role, "the folder of " + role));
    EF_TRY(NetworkFiles network, open_network(files, role));
    if (network.class_name.empty()) network.class_name = class_name;
    model.networks.emplace(role, std::move(network));
  }
  EF_TRY_STATUS(open_scheduler(files, index, place, model));
  // Which files a tokenizer has is for the tokenizers to judge.
  EF_TRY([[maybe_unused]] const std::string class_name, component_class(index, place, "tokenizer"));
  EF_TRY_STATUS(require_folder(files, kTokenizer, "the tokenizer's folder"));
  return model;
}

Status open_edgefusion_json(const ModelFiles& files, ModelFolder& model) {
  if (!files.has_file(kOurs)) return {};
  EF_TRY(model.edgefusion, files.json_object(kOurs));
  return {};
}

/// The files of the bundle's tokenizer folder, by their names in it.
std::map<std::string, std::string, std::less<>> tokenizer_files(const Bundle& bundle) {
  const std::string prefix = std::string(kTokenizer) + "/";
  std::map<std::string, std::string, std::less<>> files;
  for (const std::string& name : bundle.file_names()) {
    if (name.starts_with(prefix)) files.emplace(name.substr(prefix.size()), *bundle.file(name));
  }
  return files;
}

Result<ModelFolder> open_bundle(const fs::path& path) {
  EF_TRY(auto bundle, Bundle::open(path));
  const auto files = files_of_bundle(bundle);
  EF_TRY(ModelFolder model, open_pipeline(*files, path));
  EF_TRY_STATUS(open_edgefusion_json(*files, model));
  model.tokenizer_files = tokenizer_files(*bundle);
  model.bundle = std::move(bundle);
  return model;
}

Result<ModelFolder> open_single_network(const ModelFiles& files, const fs::path& path) {
  ModelFolder model;
  model.path = path;
  EF_TRY(NetworkFiles network, open_network(files, ""));
  for (const ClassRole& known : kClassRoles) {
    if (known.class_name != network.class_name) continue;
    model.networks.emplace(known.role, std::move(network));
    return model;
  }
  std::array<std::string_view, kClassRoles.size()> known;
  std::ranges::transform(kClassRoles, known.begin(), &ClassRole::class_name);
  return unknown_class(network.config_origin, network.class_name, known);
}

}  // namespace

const NetworkFiles* ModelFolder::network(std::string_view role) const {
  const auto it = networks.find(role);
  return it == networks.end() ? nullptr : &it->second;
}

Result<std::shared_ptr<const TensorSource>> open_network_weights(const fs::path& folder) {
  for (const WeightName& name : kWeightNames) {
    const fs::path path = folder / name.file;
    if (!is_file(path)) continue;
    if (name.sharded) {
      EF_TRY(ShardedSafetensors weights, ShardedSafetensors::open(path));
      return std::make_shared<const ShardedSafetensors>(std::move(weights));
    }
    EF_TRY(SafetensorsFile weights, SafetensorsFile::open(path));
    return std::make_shared<const SafetensorsFile>(std::move(weights));
  }
  const std::string pickle = pickle_in(folder);
  if (!pickle.empty()) {
    return fail(ErrorCode::unsupported, (folder / pickle).string() +
                                            ": pickle weights are never opened; convert them to "
                                            "safetensors");
  }
  return fail(ErrorCode::not_found, folder.string() + ": expected " +
                                        std::string(kWeightNames[0].file) + " or " +
                                        std::string(kWeightNames[2].file) + ", found neither");
}

Result<ModelFolder> open_diffusers_folder(const fs::path& path) {
  EF_TRY_STATUS(require_folder(path, "a model folder"));
  const bool pipeline = is_file(path / "model_index.json");
  if (!pipeline && !is_file(path / "config.json")) {
    const std::string pickle = pickle_in(path);
    return fail(ErrorCode::not_found,
                path.string() + ": expected model_index.json (a pipeline) or config.json (one " +
                    "network), found neither" +
                    (pickle.empty()
                         ? ""
                         : " but " + pickle +
                               "; pickle weights are never opened, convert them to safetensors"));
  }
  const auto files = files_of_folder(path);
  EF_TRY(ModelFolder model,
         pipeline ? open_pipeline(*files, path) : open_single_network(*files, path));
  EF_TRY_STATUS(open_edgefusion_json(*files, model));
  if (pipeline) model.tokenizer = path / kTokenizer;
  return model;
}

Result<ModelFolder> open_model(const fs::path& path) {
  return is_file(path) ? open_bundle(path) : open_diffusers_folder(path);
}

}  // namespace edgefusion::formats
