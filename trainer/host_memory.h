// Memory for batches that suits a device.
#pragma once

#include "trainer/model/libtorch.h"

#include "data/host_buffer.h"

namespace lockstep {

/// Page-locked for a GPU, so that copies to it run beside compute; plain aligned memory else.
HostAllocator batch_memory(torch::Device device);

}  // namespace lockstep
