#include "train/patch_critic.h"

#include "graph/builder.h"

namespace edgefusion::train {

Result<graph::Graph> build_patch_critic(int64_t batch, int64_t size) {
  graph::GraphBuilder g("patch_critic", nullptr);
  const graph::WeightScope w("critic");
  graph::ValueId x = g.input("image", {batch, size, size, 3});
  int64_t channels = 32;
  for (int stage = 0; stage < 3; ++stage) {
    x = g.silu(g.conv2d(x, w / "stages" / stage, channels, {.kernel = 4, .stride = 2}));
    x = g.name(x, w / "features" / stage);
    channels *= 2;
  }
  g.output("verdict", g.conv2d(x, w / "out", 1));
  return g.finish();
}

const std::vector<std::string>& patch_critic_features() {
  static const std::vector<std::string> names = {"critic.features.0", "critic.features.1",
                                                 "critic.features.2"};
  return names;
}

}  // namespace edgefusion::train
