#include <ATen/Parallel.h>
#include <malloc.h>

#include "train/train_callbacks.h"

namespace edgefusion::train {

void prepare_machine(int threads) {
  at::set_num_threads(threads);
#ifdef __GLIBC__
  // By default large tensors are mapped anew each time, and the kernel clears every page of them.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);  // never
  mallopt(M_TOP_PAD, 256 << 20);
#endif
}

}  // namespace edgefusion::train
