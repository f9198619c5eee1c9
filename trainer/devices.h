// Which device each rank computes on. Free of LibTorch and CUDA types.
#pragma once

#include <string>

#include "trainer/comm/communicator.h"

namespace lockstep {

/// GPUs this process can see; 0 without a driver. Starts no CUDA context.
int visible_gpus();

struct DeviceChoice {
  bool cuda = false;
  int index = 0;        ///< CUDA device of this process
  std::string name;     ///< "cpu", or the GPU's model
  std::string warning;  ///< why `auto` fell back to the CPU although GPUs are there; may be empty
};

/// Collective: `auto` takes GPUs only if every rank has one of its own, the CPU on all ranks
/// otherwise; `cuda` throws Error(device) instead, saying which rank has none.
DeviceChoice choose_device(const std::string& wanted, Communicator& communicator);

/// CPU threads a rank computes with: as asked, or its even share of the cores it may run on.
int compute_threads(int64_t wanted, const Place& place);

}  // namespace lockstep
