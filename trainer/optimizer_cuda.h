// The GPU's side of update_kernel.h, on the legacy default stream; all pointers are GPU memory.
#pragma once

#include "trainer/model/kernels/update_kernel.h"

namespace lockstep {

void adam_on_gpu(const AdamArguments& arguments);
void sgd_on_gpu(const SgdArguments& arguments);
void adagrad_on_gpu(const AdagradArguments& arguments);
void rmsprop_on_gpu(const RmspropArguments& arguments);

}  // namespace lockstep
