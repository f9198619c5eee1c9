// T time, B batch.
#include "trainer/tasks/network_task.h"

#include "data/base/error.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr const char *kEmbedding = "embedding_weight", *kBagWeight = "bag.weight";

}  // namespace

NetworkTask::NetworkTask(const ModelConfig& config, json description, int64_t outputs)
    : config_(config),
      description_(std::move(description)),
      networks_(config.ensemble, [&](int number) {
        return SequenceNetwork(description_, outputs, config, number);
      }) {
  if (config.bag_ngrams == 0) return;
  if (!networks_->reads_symbols()) {
    throw Error(ExitCode::config, "model.bag_ngrams: the data set's inputs are not symbols");
  }
  const json& inputs = description_.at("inputs");
  bag_ = NgramBag(inputs.at("vocabulary"), labels_of_symbols(inputs), config.bag_ngrams,
                  config.bag_rows, outputs);
  networks_.module().register_module("bag", bag_);
}

std::vector<std::string> NetworkTask::row_sparse_parameters() const {
  if (!networks_->reads_symbols()) return {};
  std::vector<std::string> names;
  for (const std::string& prefix : networks_.prefixes()) names.push_back(prefix + kEmbedding);
  if (!bag_.is_empty()) names.emplace_back(kBagWeight);
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
  if (!bag_.is_empty()) labels[kBagWeight] = labels["bag.bias"] = outputs;
  return labels;
}

std::string NetworkTask::summary_of_bag() const {
  return bag_.is_empty() ? "" : fmt::format(", beside a bag of {}", bag_->summary());
}

std::vector<Tensor> NetworkTask::of_sequences(const DeviceBatch& batch, const DropoutKey& key) {
  std::vector<Tensor> answers;
  for (SequenceNetwork& network : networks_.members()) {
    answers.push_back(network->of_sequences(batch.inputs, batch.lengths, key));
  }
  if (!bag_.is_empty()) answers.push_back(bag_->forward(batch.inputs, batch.lengths));
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
