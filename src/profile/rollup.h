#pragma once

#include <string>
#include <vector>

#include "profile/profile.h"

namespace edgefusion::profile {

/// Parts that have something in common, summed up.
struct Row {
  std::string name;
  std::string network;  ///< if they have that in common
  int parts = 0;
  Cost cost;
  Samples time;
  /// Time that the arithmetic units would need at their measured peak for the products, each part
  /// at that of its type.
  double ideal_ms = 0;
};

Row row_of(const Part& part, const Machine& machine);

/// By op class, slowest first.
std::vector<Row> by_class(const Profile& profile);
/// By network and block, in the order in which they run; name: of the block.
std::vector<Row> by_block(const Profile& profile);
/// Every part, slowest first.
std::vector<Row> by_part(const Profile& profile);
/// By network, in the order in which they run; the parts of the U-Net apart.
std::vector<Row> by_network(const Profile& profile);
/// By denoising step.
std::vector<Row> by_iteration(const Profile& profile);

/// Shares of what the machine could do, at the median time; 0 where nothing of the kind is done.
double peak_share(const Row& row);
double bandwidth_share(const Row& row, const Machine& machine);

}  // namespace edgefusion::profile
