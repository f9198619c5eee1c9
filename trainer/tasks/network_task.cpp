// T time, B batch.
#include "trainer/tasks/network_task.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr const char* kEmbedding = "embedding_weight";

}  // namespace

NetworkTask::NetworkTask(const ModelConfig& config, json description, int64_t outputs)
    : config_(config),
      description_(std::move(description)),
      networks_(config.ensemble, [&](int number) {
        return SequenceNetwork(description_, outputs, config, number);
      }) {}

std::vector<std::string> NetworkTask::row_sparse_parameters() const {
  if (!networks_->reads_symbols()) return {};
  std::vector<std::string> names;
  for (const std::string& prefix : networks_.prefixes()) names.push_back(prefix + kEmbedding);
  return names;
}

std::map<std::string, RowLabels> NetworkTask::row_labels() const {
  std::map<std::string, RowLabels> labels;
  const RowLabels outputs = {output_labels(), /*by_label=*/false};
  for (const std::string& prefix : networks_.prefixes()) {
    labels[prefix + "output.weight"] = labels[prefix + "output.bias"] = outputs;
    if (!networks_->reads_symbols()) continue;
    labels[prefix + kEmbedding] = {labels_of_symbols(description_.at("inputs"))};
  }
  return labels;
}

std::vector<Tensor> NetworkTask::of_sequences(const DeviceBatch& batch, const DropoutKey& key) {
  std::vector<Tensor> answers;
  for (SequenceNetwork& network : networks_.members()) {
    answers.push_back(network->of_sequences(batch.inputs, batch.lengths, key));
  }
  return answers;
}

std::vector<Tensor> NetworkTask::of_steps(const DeviceBatch& batch, const DropoutKey& key) {
  std::vector<Tensor> answers;
  for (SequenceNetwork& network : networks_.members()) {
    Lengths lengths = batch.lengths;
    answers.push_back(network->of_steps(batch.inputs, lengths, key));
  }
  return answers;
}

}  // namespace lockstep
