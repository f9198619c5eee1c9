// A checkpoint's model, ready to be used.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "trainer/checkpoint.h"
#include "trainer/replica.h"
#include "trainer/session_parts.h"

namespace lockstep {

struct LoadedModel {
  Checkpoint checkpoint;
  RunConfig config;
  ComputePlace compute;
  std::unique_ptr<Replica> replica;
};

/// Of a run folder (its newest intact checkpoint) or a checkpoint folder, on this rank's device.
/// Collective; tells of damaged checkpoints on standard error.
LoadedModel load_model(const std::filesystem::path& source, const std::string& device,
                       Communicator& host);

}  // namespace lockstep
