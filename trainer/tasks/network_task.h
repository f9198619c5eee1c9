// What tasks have in common whose model is one SequenceNetwork, or several side by side, and maybe
// a bag of n-grams beside them.
#pragma once

#include <optional>

#include "trainer/model/ngram_bag.h"
#include "trainer/tasks/ensemble.h"
#include "trainer/tasks/sequence_network.h"
#include "trainer/tasks/task.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

/// Lines are read as symbols where the inputs are; the embeddings' gradients travel by rows.
class NetworkTask : public Task {
 public:
  /// `outputs` of a network; `description` has what describe_inputs() gave, and the task's own.
  NetworkTask(const ModelConfig& config, nlohmann::json description, int64_t outputs);

  torch::nn::Module& model() override { return networks_.module(); }
  nlohmann::json description() const override { return description_; }
  std::vector<std::string> row_sparse_parameters() const override;
  std::map<std::string, RowLabels> row_labels() const override;
  bool reads_symbol_lines() const override { return networks_->reads_symbols(); }
  std::vector<int64_t> symbols_of(const nlohmann::json& line) override {
    if (!text_) text_.emplace(description_.at("inputs"));
    return text_->symbols_of_line(line);
  }

 protected:
  /// What a network's outputs stand for.
  virtual std::vector<std::string> output_labels() const = 0;

  /// Of each network, and last of the bag if there is one: what stands for each sequence,
  /// [B, outputs].
  std::vector<torch::Tensor> of_sequences(const DeviceBatch& batch, const DropoutKey& key);
  /// Of each network: what stands for each step, [T, B, outputs].
  std::vector<torch::Tensor> of_steps(const DeviceBatch& batch, const DropoutKey& key);

  /// ", beside a bag of 1- to 3-grams", or nothing.
  std::string summary_of_bag() const;

  ModelConfig config_;
  nlohmann::json description_;
  Ensemble<SequenceNetwork> networks_;

 private:
  NgramBag bag_{nullptr};  ///< none unless model.bag_ngrams says so
  std::optional<TextInputs> text_;
};

}  // namespace lockstep
