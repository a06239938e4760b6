#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "core/log.h"
#include "core/thread_pool.h"
#include "data/object_pool.h"
#include "data/scene.h"
#include "data/synthesize_config.h"

namespace edgefusion::data {

struct SynthesizeReport {
  int64_t scenes = 0, shards = 0, objects = 0;
  std::map<std::string, int64_t> kinds;        ///< scenes of each
  std::map<std::string, int64_t> passed_over;  ///< samples that could not be used, by the reason
};

struct SynthesizeCallbacks {
  LogSink log;
  std::function<void(int64_t scenes)> progress;  ///< how many are written
  const std::atomic<bool>* cancel = nullptr;
};

/// The picture of a scene, RGB, `side` pixels a side.
formats::Image painted(const Scene& scene, const ObjectPool& pool, int side);

/// Makes scenes of the objects in captioned shards, and writes them as such shards into a folder,
/// with `index.json` (counts, sources, authors) and `sheet.png` (the first scenes to look at). The
/// folder appears whole or not at all; the same config gives the same bytes with any number of
/// threads. Errors: those of ObjectPool and ScenePlanner, invalid_argument (the folder is there and
/// not empty), io, resource_exhausted, cancelled.
Result<SynthesizeReport> synthesize(const SynthesizeConfig& config, ThreadPool& threads,
                                    const SynthesizeCallbacks& callbacks);

}  // namespace edgefusion::data
