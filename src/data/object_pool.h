#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/log.h"
#include "core/thread_pool.h"
#include "data/caption_template.h"
#include "data/cut_out.h"
#include "data/object_traits.h"
#include "data/synthesize_config.h"

namespace edgefusion::data {

/// Where an object comes from, as far as its sample says.
struct Provenance {
  std::string shard, key, name, source, licence, author;
};

/// A picture that can be cut out, with what its captions call it.
struct SceneObject {
  std::vector<std::byte> picture;  ///< as it is in the shard
  size_t style = 0;                ///< in ObjectPool::styles
  ObjectName name;
  std::string concept_name;  ///< what else is the same thing
  std::optional<std::string> plural;
  int width = 0, height = 0;  ///< pixels, cut out
  ObjectTraits traits;
  Provenance provenance;

  /// "a fox", or "fireworks".
  std::string phrase() const;
};

struct Style {
  std::string style, group;
  std::vector<CaptionTemplate> templates;
  std::vector<size_t> objects;
};

/// All objects of the shards that scenes can be made of.
struct ObjectPool {
  std::vector<SceneObject> objects;
  std::vector<Style> styles;
  std::map<std::string, int64_t> passed_over;  ///< samples that could not be used, by the reason

  /// Errors: not_found (a shard, a style or group that no sample has, no usable object at all),
  /// those of ShardReader. Samples that are broken are named to the log.
  static Result<ObjectPool> read(const SynthesizeConfig& config, ThreadPool& threads,
                                 const LogSink& log);
};

/// The object of a picture from a shard, of which the pool has found that it can be cut out.
CutOut cut_out_of(const SceneObject& object);

}  // namespace edgefusion::data
