// T time, B batch, F features, C classes.
#include "trainer/tasks/sequence_classification.h"

#include <cmath>

#include "data/base/error.h"
#include "trainer/model/lstm_stack.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// The network; parameters are named lstm.* and output.*, as a PyTorch module with
/// `self.lstm = nn.LSTM(...)` and `self.output = nn.Linear(...)` names them.
class ClassifierImpl : public torch::nn::Module {
 public:
  ClassifierImpl(int64_t features, int64_t classes, const ModelConfig& config)
      : config_(config), lstm_(features, config), output_(lstm_->output_size(), classes) {
    register_module("lstm", lstm_);
    register_module("output", output_);
  }

  /// [T, B, F] -> logits [B, C].
  Tensor forward(const Tensor& x_TBF, const Lengths& lengths, const DropoutKey& key) {
    constexpr int kOutputSite = 0;
    const Tensor y_TBH = lstm_->forward(x_TBF, lengths, key, kOutputSite + 1);
    const Tensor pooled = pool_over_time(y_TBH, lengths, config_.pooling, config_.bidirectional);
    return output_->forward(dropout(pooled, config_.dropout, key, kOutputSite));
  }

 private:
  ModelConfig config_;
  LstmStack lstm_;
  torch::nn::Linear output_;
};
TORCH_MODULE(Classifier);

class SequenceClassification : public Task {
 public:
  SequenceClassification(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        features_(description_.at("features")),
        classes_(description_.at("classes")),
        target_(description_.at("target")),
        labels_(description_.at("labels")),
        classifier_(features_, classes_, config) {}

  torch::nn::Module& model() override { return *classifier_; }
  json description() const override { return description_; }
  std::string summary() const override;

  std::vector<std::string> sum_names() const override { return {"loss", "targets", "correct"}; }
  Metrics metrics(const std::vector<double>& sums) const override {
    const double targets = sums[1] > 0 ? sums[1] : NAN;
    return {{"loss", sums[0] / targets}, {"accuracy", sums[2] / targets}};
  }

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<json> predict(const DeviceBatch& batch) override;

 private:
  ModelConfig config_;
  json description_;
  int64_t features_;
  int64_t classes_;
  std::string target_;
  std::vector<std::string> labels_;
  Classifier classifier_;
};

std::string SequenceClassification::summary() const {
  return fmt::format("{}{} x lstm {} -> {}, {} over time, linear -> {} classes",
                     config_.bidirectional ? "bidirectional " : "", config_.num_layers, features_,
                     config_.hidden_size, config_.pooling, classes_);
}

TaskOutput SequenceClassification::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const Tensor logits_BC = classifier_->forward(batch.inputs, batch.lengths, key);
  const Tensor labels_B = batch.target(target_).select(0, 0);
  const Tensor loss_sum = torch::cross_entropy_loss(logits_BC, labels_B, {}, at::Reduction::Sum);
  torch::NoGradGuard no_grad;
  const Tensor correct = logits_BC.argmax(1).eq(labels_B).sum().to(torch::kFloat32);
  const Tensor targets = torch::full({}, static_cast<float>(batch.size()), loss_sum.options());
  return {loss_sum, torch::stack({loss_sum.detach(), targets, correct})};
}

std::vector<json> SequenceClassification::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const Tensor probabilities_BC =
      classifier_->forward(batch.inputs, batch.lengths, {}).softmax(1).cpu();
  std::vector<json> results;
  for (int64_t b = 0; b < batch.size(); ++b) {
    const float* row = probabilities_BC[b].const_data_ptr<float>();
    const int64_t best = std::max_element(row, row + classes_) - row;
    const size_t index = static_cast<size_t>(best);
    results.push_back({{"class", best},
                       {"label", index < labels_.size() ? labels_[index] : std::to_string(best)},
                       {"probability", row[best]},
                       {"probabilities", std::vector<float>(row, row + classes_)}});
  }
  return results;
}

/// The one target with a single symbol per sequence.
json describe_classes(const Manifest& manifest) {
  const StreamSchema& inputs = manifest.streams.front();
  if (inputs.is_symbols()) {
    throw Error(ExitCode::config,
                "task sequence_classification needs inputs of numbers; this data set has symbols",
                "`lockstep data inspect` shows the streams of a data set");
  }
  std::vector<const StreamSchema*> candidates;
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    if (manifest.streams[i].is_symbols()) candidates.push_back(&manifest.streams[i]);
  }
  if (candidates.size() != 1) {
    throw Error(
        ExitCode::config,
        fmt::format("task sequence_classification needs one target of class labels; this data "
                    "set has {}",
                    candidates.size()),
        "`lockstep data inspect` shows the streams of a data set");
  }
  return {{"features", inputs.features},
          {"scale", inputs.scale},
          {"offset", inputs.offset},
          {"target", candidates[0]->name},
          {"classes", candidates[0]->num_classes},
          {"labels", candidates[0]->labels}};
}

std::unique_ptr<Task> make_classifier(const ModelConfig& config, const json& description) {
  return std::make_unique<SequenceClassification>(config, description);
}

}  // namespace

TaskEntry sequence_classification_entry() {
  return {"sequence_classification", &describe_classes, &make_classifier};
}

}  // namespace lockstep
