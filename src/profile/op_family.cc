#include "profile/op_family.h"

namespace edgefusion::profile {

const OpFamily& family_of(std::string_view op_class) {
  if (op_class == "conv1x1") return kOpFamilies[1];
  if (op_class.starts_with("conv") && op_class != "convert") return kOpFamilies[0];
  if (op_class == "linear") return kOpFamilies[2];
  if (op_class == "attention") return kOpFamilies[3];
  if (op_class.ends_with("_norm")) return kOpFamilies[4];
  if (op_class == "copy") return kOpFamilies[6];
  if (op_class == "host") return kOpFamilies[7];
  return kOpFamilies[5];
}

}  // namespace edgefusion::profile
