#include "trainer/session_parts.h"

#include <ATen/Parallel.h>

#include <optional>

#include "data/base/error.h"
#include "data/folds.h"
#include "trainer/comm/launch_environment.h"
#include "trainer/saved_config.h"
#include "trainer/tensor_cache.h"
#include "trainer/train_step.h"

namespace lockstep {

ComputePlace prepare_compute(const RunConfig& config, Communicator& host) {
  use_tensor_cache();
  ComputePlace place;
  place.choice = choose_device(config.device, host);
  if (place.choice.cuda && config.model.kernel == "cpu") {
    throw JobError(ExitCode::config, "model.kernel: cpu, but the ranks compute on GPUs",
                   "set `device: cpu`, or `model.kernel: auto`");
  }
  // Results of threaded sums depend on the number of threads; one is the same everywhere.
  const int threads = config.reproducible ? 1 : compute_threads(config.run.threads, host.place());
  at::set_num_threads(threads);
  // Values below 1e-38 cost a hundred times more and mean nothing to a gradient.
  at::globalContext().setFlushDenormal(true);
  place.exchange = &host;
  if (!place.choice.cuda) return place;
  place.device = torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(place.choice.index));
  if (config.reproducible) {
    at::globalContext().setDeterministicCuDNN(true);
    at::globalContext().setBenchmarkCuDNN(false);
  }
  if (host.world_size() > 1) {
    place.own = make_nccl_communicator(host, place.choice.index,
                                       {config.communication.timeout_seconds, {}, false});
    place.exchange = place.own.get();
  }
  return place;
}

namespace {

/// A run's splits, those of its fold from one opening of the split to train on.
class RunSplits {
 public:
  RunSplits(const Dataset& dataset, const RunConfig& config, bool verify)
      : dataset_(dataset), data_(config.data), verify_(verify) {
    if (data_.folds == 0) return;
    whole_.emplace(dataset.open_split(data_.train_split, {verify}));
    folds_ = folds_of(*whole_, data_.folds, static_cast<uint64_t>(config.run.seed));
  }

  bool has(const std::string& name) const { return is_held_out(name) || dataset_.has_split(name); }
  Split open(const std::string& name) const {
    if (is_held_out(name)) return whole_->part(in_fold(folds_, data_.fold), name);
    if (whole_ && name == data_.train_split) {
      return whole_->part(not_in_fold(folds_, data_.fold), name);
    }
    return dataset_.open_split(name, {verify_});
  }

 private:
  bool is_held_out(const std::string& name) const { return whole_ && name == data_.test_split; }

  const Dataset& dataset_;
  const DataSection& data_;
  bool verify_;
  std::optional<Split> whole_;  ///< none without folds
  std::vector<int64_t> folds_;
};

}  // namespace

Split open_run_split(const Dataset& dataset, const RunConfig& config, const std::string& name,
                     bool verify) {
  return RunSplits(dataset, config, verify).open(name);
}

RunData open_run_data(const RunConfig& config, Communicator& host) {
  RunData data;
  together(host, [&] {
    if (config.data.path.empty()) {
      throw Error(ExitCode::config, "data.path is not set",
                  "name a data set folder, as in `lockstep train CONFIG data.path=FOLDER`");
    }
    data.dataset = std::make_unique<Dataset>(config.data.path);
    const RunSplits splits(*data.dataset, config, config.data.verify);
    data.train.emplace(splits.open(config.data.train_split));
    if (data.train->size() == 0) {
      throw Error(ExitCode::corrupt, fmt::format("{}: split {} holds no samples", config.data.path,
                                                 config.data.train_split));
    }
    for (const std::string& name : {config.data.validation_split, config.data.test_split}) {
      if (name.empty() || name == config.data.train_split || !splits.has(name)) continue;
      data.held_out.push_back(splits.open(name));
    }
  });
  return data;
}

std::vector<Span> shards_for(const RunConfig& config, const FlatBuffers& buffers, int world_size) {
  if (!config.optimizer.sharded || world_size == 1) return {};
  return make_shards(buffers, world_size);
}

std::unique_ptr<Optimizer> make_optimizer(const RunConfig& config, FlatBuffers& buffers,
                                          const std::vector<Span>& shards, int rank) {
  if (shards.empty()) return std::make_unique<Optimizer>(config.optimizer, buffers);
  return std::make_unique<Optimizer>(config.optimizer, buffers, shards[static_cast<size_t>(rank)]);
}

void require_same_config_on_all(const RunConfig& config, Communicator& host) {
  const std::string own = nlohmann::json(saved_fields(config)).dump();
  const std::vector<std::string> all = host.all_gather_bytes(own);
  const auto of_root = nlohmann::json::parse(all[0]).get<std::map<std::string, std::string>>();
  for (size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    const auto other = nlohmann::json::parse(all[rank]).get<std::map<std::string, std::string>>();
    for (const auto& [path, value] : of_root) {
      const auto found = other.find(path);
      const std::string theirs = found == other.end() ? "nothing" : found->second;
      if (theirs == value) continue;
      throw JobError(ExitCode::config,
                     fmt::format("{} is {} on rank 0 and {} on rank {}", path, value, theirs, rank),
                     "start all ranks with the same config file and overrides");
    }
  }
}

void require_legal_world(const RunConfig& config, int world_size) {
  const int64_t parts =
      (config.reproducible ? config.lanes : world_size) * config.batch.accumulation;
  if (config.batch.size < parts) {
    throw JobError(
        ExitCode::config,
        fmt::format("batch.size: a global batch of {} samples cannot be cut into {} {} with {} "
                    "micro-batches each",
                    config.batch.size, config.reproducible ? config.lanes : world_size,
                    config.reproducible ? "lanes" : "ranks", config.batch.accumulation),
        fmt::format("make batch.size at least {}, or lower batch.accumulation", parts));
  }
  if (!config.reproducible || (world_size <= config.lanes && config.lanes % world_size == 0))
    return;
  std::string legal;
  for (int64_t size = 1; size <= config.lanes; size *= 2) legal += fmt::format(" {}", size);
  throw JobError(
      ExitCode::config,
      fmt::format("reproducible: {} ranks do not divide the {} lanes", world_size, config.lanes),
      fmt::format("start one of these numbers of ranks:{}; or set reproducible: false", legal));
}

}  // namespace lockstep
