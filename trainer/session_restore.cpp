#include "trainer/session_restore.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "data/base/error.h"
#include "data/token_streams.h"
#include "trainer/carried_state.h"
#include "trainer/saved_config.h"
#include "trainer/weight_loading.h"

namespace lockstep {
namespace {

using nlohmann::json;

/// Rank zero looks for what to continue from and checks that it belongs to this run.
std::optional<Checkpoint> find_checkpoint(const TrainRequest& request, const RunFolder& folder,
                                          const Manifest& manifest) {
  std::optional<Checkpoint> found;
  if (request.resume.mode == ResumeChoice::Mode::path) {
    found = load_run_or_checkpoint(request.resume.path,
                                   [&](const std::string& text) { warn(folder, text); });
  } else {
    found = folder.checkpoints->newest_intact([&](const std::string& text) { warn(folder, text); });
  }
  if (!found) return found;
  require_same_config(folder.path, found->state.config, saved_fields(request.config),
                      fields_that_may_change());
  if (found->state.data_fingerprint != manifest.fingerprint()) {
    throw Error(ExitCode::config,
                fmt::format("{}: was trained on another data set than {}", found->folder.string(),
                            request.config.data.path),
                "give the data set it was trained on as data.path, or start a new run.dir");
  }
  return found;
}

/// Rank zero's first weights, where they do not come from chance alone; lines for people.
std::vector<std::string> first_weights(const RunConfig& config, const RunFolder& folder,
                                       Replica& replica) {
  std::vector<std::string> notes;
  const auto add = [&](const std::vector<std::string>& lines) {
    notes.insert(notes.end(), lines.begin(), lines.end());
  };
  if (!config.model.embedding_vectors.empty()) add(load_word_vectors(config, replica));
  if (!config.init_from.empty()) {
    const auto tell = [&](const std::string& text) { warn(folder, text); };
    add(load_weights_of(load_run_or_checkpoint(config.init_from, tell), config, replica));
  }
  return notes;
}

/// Rank zero's part. Gives where the checkpoint was, for all ranks.
json load_checkpoint_into(const Checkpoint& checkpoint, const RestoredParts& parts) {
  const TrainState& state = checkpoint.state;
  const std::string origin = checkpoint.folder.string();
  FlatBuffers& buffers = parts.replica.buffers();
  if (parts.average.active()) {
    buffers.load(checkpoint.model, "", parts.average.values(), origin);
    buffers.load(checkpoint.optimizer, kTrainedPrefix, buffers.parameters(), origin);
  } else {
    buffers.load(checkpoint.model, "", buffers.parameters(), origin);
  }
  parts.optimizer.check_state(checkpoint.optimizer, origin);
  json position = {{"step", state.step},
                   {"epoch", state.epoch},
                   {"index", state.index},
                   {"sums", json::array()},
                   {"selection", json_of(state.selection)}};
  for (const std::string& name : parts.replica.task().sum_names()) {
    const auto sum = state.epoch_sums.find(name);
    position["sums"].push_back(sum == state.epoch_sums.end() ? 0.0 : sum->second);
  }
  return position;
}

/// Collective. Rank zero's parameters and their average become everybody's.
void broadcast_parameters(const RestoredParts& parts, bool from_the_start, Communicator& exchange) {
  const torch::Tensor parameters = parts.replica.buffers().parameters();
  const auto count = static_cast<size_t>(parameters.numel());
  exchange.broadcast(parameters.data_ptr<float>(), count, 0);
  if (!parts.average.active()) return;
  if (from_the_start) parts.average.values().copy_(parameters);
  exchange.broadcast(parts.average.values().data_ptr<float>(), count, 0);
}

/// Collective. Gives every rank the states of its own rows of text, out of what rank zero has read.
void scatter_carried_states(const std::map<std::string, StoredTensor>& saved,
                            const RunConfig& config, Replica& replica, Communicator& host) {
  const std::vector<Share> lanes = rows_of_rank(
      config.batch.size, config.reproducible ? config.lanes : 0, host.rank(), host.world_size());
  scatter_carried(saved, {lanes.front().begin, lanes.back().end}, config.batch.size,
                  replica.device(), replica.task(), host);
}

}  // namespace

TrainPosition restore_or_broadcast(const TrainRequest& request, const RunFolder& folder,
                                   const Manifest& manifest, const RestoredParts& parts,
                                   const ComputePlace& compute, Communicator& host,
                                   std::vector<std::string>& notes) {
  std::optional<Checkpoint> checkpoint;
  json position = {{"step", 0}, {"epoch", 0}, {"index", 0}, {"sums", json::array()}};
  together(host, [&] {
    if (!host.is_root()) return;
    checkpoint = find_checkpoint(request, folder, manifest);
    if (checkpoint) {
      position = load_checkpoint_into(*checkpoint, parts);
    } else {
      notes = first_weights(request.config, folder, parts.replica);
    }
  });
  const json agreed = json::parse(host.broadcast_bytes(position.dump(), 0));
  broadcast_parameters(parts, agreed["step"] == 0, *compute.exchange);
  if (agreed.contains("selection")) {
    parts.selection.restore(selection_state_from(agreed["selection"]));
  }
  const std::map<std::string, StoredTensor> none;  // what other ranks than zero have read
  const auto& saved = checkpoint ? checkpoint->optimizer : none;
  if (agreed["step"] > 0) {
    parts.optimizer.scatter_state(saved, *compute.exchange, folder.path.string());
  }
  if (parts.replica.task().reads_streams() && agreed["index"] > 0) {
    scatter_carried_states(saved, request.config, parts.replica, host);
  }
  return {agreed["step"], {agreed["epoch"], agreed["index"]}, agreed["sums"]};
}

}  // namespace lockstep
