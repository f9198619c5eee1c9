// The session behind `lockstep train --dry-run`: everything but training.
#include <fmt/ranges.h>

#include <filesystem>
#include <ostream>
#include <string>

#include "trainer/batch_order.h"
#include "trainer/optimizer.h"
#include "trainer/replica.h"
#include "trainer/session.h"
#include "trainer/session_parts.h"

namespace lockstep {
namespace {

constexpr double kMebibyte = 1 << 20;

std::string model_lines(Replica& replica) {
  std::string text = fmt::format("model        {}\n", replica.task().summary());
  for (const FlatBuffers::Range& range : replica.buffers().ranges()) {
    text += fmt::format("             {:<28} [{}]{}\n", range.name, fmt::join(range.shape, ", "),
                        range.trained ? "" : " frozen");
  }
  return text + fmt::format("parameters   {}\n", replica.buffers().num_parameters());
}

/// MiB of a rank's parameters, gradients and what the optimizer keeps for each of them.
double state_memory(const RunConfig& config, Replica& replica, int world_size) {
  const Optimizer optimizer(config.optimizer, replica.buffers());
  const double states =
      static_cast<double>(optimizer.num_states()) / (config.optimizer.sharded ? world_size : 1);
  const auto parameters = static_cast<double>(replica.buffers().parameters().numel());
  const auto gradients = static_cast<double>(replica.buffers().gradients().numel());
  return (parameters + gradients * (1 + states)) * sizeof(float) / kMebibyte;
}

/// MiB that the LSTM layers keep of the longest batch for the way back: 4 gates, 2 cell values and
/// the output of every cell at every step.
double activation_memory(const RunConfig& config, const Manifest& manifest, bool reads_streams,
                         int world_size) {
  constexpr int64_t kValuesOfACell = 7;
  const int64_t samples =
      (config.batch.size + world_size - 1) / world_size / config.batch.accumulation;
  const int64_t steps =
      reads_streams ? config.data.steps : manifest.find_split(config.data.train_split)->longest;
  const int64_t cells =
      config.model.num_layers * config.model.hidden_size * (config.model.bidirectional ? 2 : 1);
  return static_cast<double>(samples * steps * cells * kValuesOfACell) * sizeof(float) / kMebibyte;
}

std::string memory_line(const RunConfig& config, Replica& replica, const Manifest& manifest,
                        int world_size) {
  const double state = state_memory(config, replica, world_size);
  const double activations =
      activation_memory(config, manifest, replica.task().reads_streams(), world_size);
  return fmt::format(
      "memory       about {:.1f} MiB per rank: {:.1f} parameters, gradients and "
      "optimizer state, {:.1f} activations\n",
      state + activations, state, activations);
}

std::string data_lines(const RunConfig& config, const RunData& data) {
  std::string text = fmt::format("data         {}: {} samples in split {}\n", config.data.path,
                                 data.train->size(), config.data.train_split);
  for (const Split& split : data.held_out) {
    text += fmt::format("             {} samples in split {}\n", split.size(), split.name());
  }
  return text;
}

std::string length_line(const RunConfig& config, BatchOrder order) {
  const int64_t steps =
      config.train.steps > 0 ? config.train.steps : order.total_batches(config.train.epochs);
  return fmt::format("length       {} steps of {}{} samples, {} steps in the first epoch\n", steps,
                     config.batch.max_steps > 0 ? "at most " : "", config.batch.size,
                     order.batches_in_epoch(0));
}

}  // namespace

void dry_run(const TrainRequest& request, Communicator& host, std::ostream& out) {
  const RunConfig& config = request.config;
  require_same_config_on_all(config, host);
  require_legal_world(config, host.world_size());
  const ComputePlace compute = prepare_compute(config, host);
  const RunData data = open_run_data(config, host);
  std::string text;
  together(host, [&] {
    const Manifest& manifest = data.dataset->manifest();
    Replica replica(config, find_task(config.task).describe_data(manifest), compute.device);
    text += model_lines(replica);
    text += memory_line(config, replica, manifest, host.world_size());
    text += data_lines(config, data);
    text += fmt::format("ranks        {} on {}, exchange by {}\n", host.world_size(),
                        compute.choice.name, compute.exchange->name());
    text += length_line(config, BatchOrder(config, *data.train, replica.task().reads_streams()));
    text += fmt::format(
        "run folder   {}\n",
        std::filesystem::absolute(run_dir_of(request.config, request.config_name)).string());
  });
  if (host.is_root()) out << text << "nothing was trained or written (--dry-run)\n";
}

}  // namespace lockstep
