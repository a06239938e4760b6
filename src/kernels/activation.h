#pragma once

#include "core/activation.h"

namespace edgefusion::kernels {

/// The readable reference of every activation, with the standard library's functions.
float activate(Activation activation, float x);

}  // namespace edgefusion::kernels
