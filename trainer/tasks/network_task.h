// What tasks have in common whose model is one SequenceNetwork.
#pragma once

#include <optional>

#include "trainer/tasks/sequence_network.h"
#include "trainer/tasks/task.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

/// Lines are read as symbols where the inputs are; the embedding's gradient travels by rows.
class NetworkTask : public Task {
 public:
  /// `outputs` of the network; `description` has what describe_inputs() gave, and the task's own.
  NetworkTask(const ModelConfig& config, nlohmann::json description, int64_t outputs)
      : config_(config),
        description_(std::move(description)),
        network_(description_, outputs, config) {}

  torch::nn::Module& model() override { return *network_; }
  nlohmann::json description() const override { return description_; }
  std::vector<std::string> row_sparse_parameters() const override {
    if (!network_->reads_symbols()) return {};
    return {"embedding_weight"};
  }
  std::map<std::string, RowLabels> row_labels() const override {
    std::map<std::string, RowLabels> labels;
    if (network_->reads_symbols()) {
      labels["embedding_weight"] = {labels_of_symbols(description_.at("inputs"))};
    }
    labels["output.weight"] = labels["output.bias"] = {output_labels(), /*by_label=*/false};
    return labels;
  }
  bool reads_symbol_lines() const override { return network_->reads_symbols(); }
  std::vector<int64_t> symbols_of(const nlohmann::json& line) override {
    if (!text_) text_.emplace(description_.at("inputs"));
    return text_->symbols_of_line(line);
  }

 protected:
  /// What the network's outputs stand for.
  virtual std::vector<std::string> output_labels() const = 0;

  ModelConfig config_;
  nlohmann::json description_;
  SequenceNetwork network_;

 private:
  std::optional<TextInputs> text_;
};

}  // namespace lockstep
