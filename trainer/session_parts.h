// Steps that several sessions share: choosing the device, opening data, agreeing.
#pragma once

#include "trainer/model/libtorch.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "trainer/comm/communicator.h"
#include "trainer/devices.h"
#include "trainer/optimizer.h"
#include "trainer/run_config.h"

namespace lockstep {

/// Where this rank computes, and through what it exchanges gradients there.
struct ComputePlace {
  torch::Device device = torch::kCPU;
  DeviceChoice choice;
  std::unique_ptr<Communicator> own;  ///< NCCL, when there is one
  Communicator* exchange = nullptr;   ///< `own` or the host communicator
};

/// Collective. Chooses the device, sets the number of compute threads, starts NCCL on GPUs.
ComputePlace prepare_compute(const RunConfig& config, Communicator& host);

/// The splits a run works on; opened and verified on every rank. Collective.
struct RunData {
  std::unique_ptr<Dataset> dataset;
  std::optional<Split> train;
  std::vector<Split> held_out;
};
RunData open_run_data(const RunConfig& config, Communicator& host);

/// A split as the run sees it: with `data.folds` the test split is the fold that is held out, and
/// the training split is all others.
Split open_run_split(const Dataset& dataset, const RunConfig& config, const std::string& name,
                     bool verify);

/// Each rank's part of the optimizer; empty when it is not sharded, or there is one rank.
std::vector<Span> shards_for(const RunConfig& config, const FlatBuffers& buffers, int world_size);
std::unique_ptr<Optimizer> make_optimizer(const RunConfig& config, FlatBuffers& buffers,
                                          const std::vector<Span>& shards, int rank);

/// Throws JobError(config) when ranks were given different configurations, naming rank and field.
void require_same_config_on_all(const RunConfig& config, Communicator& host);

/// Throws JobError(config) when a global batch has fewer samples than parts to cut it into, or when
/// `reproducible` and the world does not divide the lanes, listing the legal sizes. Takes only what
/// every rank knows alike.
void require_legal_world(const RunConfig& config, int world_size);

}  // namespace lockstep
