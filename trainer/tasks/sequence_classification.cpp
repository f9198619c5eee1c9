// T time, B batch, F features, C classes.
#include "trainer/tasks/sequence_classification.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/base/error.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// What one head learns: the classes of one target.
struct Head {
  std::string target;
  int64_t classes = 0;
  std::vector<std::string> labels;

  std::string label_of(int64_t number) const {
    const auto index = static_cast<size_t>(number);
    return index < labels.size() ? labels[index] : std::to_string(number);
  }
};

/// The network; parameters are named embedding.weight (symbols only), lstm.* and output.*, as a
/// PyTorch module with these members names them. With several heads `output` has the classes of
/// all of them, one head behind the other.
class ClassifierImpl : public torch::nn::Module {
 public:
  ClassifierImpl(int64_t vocabulary, int64_t features, int64_t classes, const ModelConfig& config)
      : config_(config), lstm_(features, config), output_(lstm_->output_size(), classes) {
    if (vocabulary > 0) {
      embedding_VF_ = register_parameter("embedding_weight",
                                         torch::empty({vocabulary, features}).uniform_(-0.1, 0.1));
    }
    register_module("lstm", lstm_);
    register_module("output", output_);
  }

  /// [T, B, F], or [T, B] symbols -> logits [B, C].
  Tensor forward(const Tensor& inputs, const Lengths& lengths, const DropoutKey& key) {
    constexpr int kOutputSite = 0, kLstmSites = 1;
    const int input_site = kLstmSites + static_cast<int>(config_.num_layers);
    Tensor x_TBF = inputs;
    if (embedding_VF_.defined()) {
      x_TBF = dropout(torch::embedding(embedding_VF_, inputs.clamp_min(0)), config_.dropout, key,
                      input_site);
    }
    const Tensor y_TBH = lstm_->forward(x_TBF, lengths, key, kLstmSites);
    const Tensor pooled = pool_over_time(y_TBH, lengths, config_.pooling, config_.bidirectional);
    return output_->forward(dropout(pooled, config_.dropout, key, kOutputSite));
  }

 private:
  ModelConfig config_;
  Tensor embedding_VF_;
  LstmStack lstm_;
  torch::nn::Linear output_;
};
TORCH_MODULE(Classifier);

class SequenceClassification : public Task {
 public:
  SequenceClassification(const ModelConfig& config, json description)
      : config_(config),
        description_(std::move(description)),
        vocabulary_(description_.contains("inputs")
                        ? description_["inputs"].at("vocabulary").get<int64_t>()
                        : 0),
        features_(vocabulary_ > 0 ? embedding_size(config)
                                  : description_.at("features").get<int64_t>()),
        heads_(heads_of(description_)),
        classifier_(vocabulary_, features_, classes(), config) {}

  torch::nn::Module& model() override { return *classifier_; }
  json description() const override { return description_; }
  std::string summary() const override;

  std::vector<std::string> sum_names() const override;
  Metrics metrics(const std::vector<double>& sums) const override;

  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<std::string> row_sparse_parameters() const override {
    if (vocabulary_ == 0) return {};
    return {"embedding_weight"};
  }
  std::vector<json> predict(const DeviceBatch& batch) override;
  bool answers_lines() const override { return vocabulary_ > 0; }
  json answer(const json& line) override;

 private:
  static int64_t embedding_size(const ModelConfig& config) {
    return config.embedding_size > 0 ? config.embedding_size : config.hidden_size;
  }
  static std::vector<Head> heads_of(const json& description) {
    std::vector<Head> heads;
    for (const json& head : description.at("heads")) {
      heads.push_back({head.at("target"), head.at("classes"), head.at("labels")});
    }
    return heads;
  }
  int64_t classes() const {
    int64_t sum = 0;
    for (const Head& head : heads_) sum += head.classes;
    return sum;
  }
  /// "" for an only head, else "TARGET_".
  std::string prefix_of(const Head& head) const {
    return heads_.size() == 1 ? "" : head.target + "_";
  }
  std::vector<json> answers(const Tensor& logits_BC) const;

  ModelConfig config_;
  json description_;
  int64_t vocabulary_;  ///< 0: inputs are numbers
  int64_t features_;
  std::vector<Head> heads_;
  Classifier classifier_;
  std::optional<TextInputs> text_;
};

std::string SequenceClassification::summary() const {
  std::string classes;
  for (const Head& head : heads_) {
    classes += fmt::format("{}{}{} classes", classes.empty() ? "" : " and ",
                           heads_.size() == 1 ? "" : head.target + " ", head.classes);
  }
  const std::string embedding =
      vocabulary_ > 0 ? fmt::format("embedding {} -> {}, ", vocabulary_, features_) : "";
  return fmt::format("{}{}{} x lstm {} -> {}, {} over time, linear -> {}", embedding,
                     config_.bidirectional ? "bidirectional " : "", config_.num_layers, features_,
                     config_.hidden_size, config_.pooling, classes);
}

/// For each head and class: how many are of it, how many were taken for it, and how many both.
std::vector<std::string> SequenceClassification::sum_names() const {
  std::vector<std::string> names = {"loss", "targets"};
  for (const Head& head : heads_) {
    for (const char* what : {"true", "predicted", "correct"}) {
      for (int64_t i = 0; i < head.classes; ++i) {
        names.push_back(fmt::format("{}{}_{}", prefix_of(head), what, i));
      }
    }
  }
  return names;
}

/// Macro-F1 is the mean over classes that occur of 2 correct / (true + predicted).
Metrics SequenceClassification::metrics(const std::vector<double>& sums) const {
  Metrics metrics = {{"loss", sums[0] / (sums[1] > 0 ? sums[1] : NAN)}};
  const double* counts = sums.data() + 2;
  for (const Head& head : heads_) {
    double targets = 0, correct = 0, f1 = 0, occurring = 0;
    for (int64_t i = 0; i < head.classes; ++i) {
      const double is = counts[i], taken = counts[head.classes + i];
      const double both = counts[2 * head.classes + i];
      targets += is;
      correct += both;
      if (is + taken == 0) continue;
      f1 += 2 * both / (is + taken);
      ++occurring;
    }
    metrics.emplace_back(prefix_of(head) + "accuracy", correct / (targets > 0 ? targets : NAN));
    metrics.emplace_back(prefix_of(head) + "macro_f1", f1 / (occurring > 0 ? occurring : NAN));
    counts += 3 * head.classes;
  }
  return metrics;
}

TaskOutput SequenceClassification::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const Tensor logits_BC = classifier_->forward(batch.inputs, batch.lengths, key);
  Tensor loss_sum;
  std::vector<Tensor> counts;
  int64_t first = 0;
  for (const Head& head : heads_) {
    const Tensor own = logits_BC.narrow(1, first, head.classes);
    const Tensor labels_B = batch.target(head.target).select(0, 0);
    const Tensor loss = torch::cross_entropy_loss(own, labels_B, {}, at::Reduction::Sum);
    loss_sum = loss_sum.defined() ? loss_sum + loss : loss;
    first += head.classes;
    torch::NoGradGuard no_grad;
    const Tensor taken_B = own.argmax(1);
    const Tensor pairs =
        torch::bincount(labels_B * head.classes + taken_B, {}, head.classes * head.classes)
            .view({head.classes, head.classes})
            .to(torch::kFloat32);
    counts.insert(counts.end(), {pairs.sum(1), pairs.sum(0), pairs.diagonal()});
  }
  torch::NoGradGuard no_grad;
  const Tensor targets = torch::full({1}, static_cast<float>(batch.size()), loss_sum.options());
  counts.insert(counts.begin(), {loss_sum.detach().view({1}), targets});
  return {loss_sum, torch::cat(counts)};
}

std::vector<json> SequenceClassification::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  return answers(classifier_->forward(batch.inputs, batch.lengths, {}));
}

/// An only head's answer, or one object for each head by its target's name.
std::vector<json> SequenceClassification::answers(const Tensor& logits_BC) const {
  std::vector<json> results(static_cast<size_t>(logits_BC.size(0)));
  int64_t first = 0;
  for (const Head& head : heads_) {
    const Tensor probabilities =
        logits_BC.narrow(1, first, head.classes).softmax(1).cpu().contiguous();
    first += head.classes;
    for (size_t b = 0; b < results.size(); ++b) {
      const float* row =
          probabilities.const_data_ptr<float>() + static_cast<int64_t>(b) * head.classes;
      const int64_t best = std::max_element(row, row + head.classes) - row;
      json answer = {{"class", best},
                     {"label", head.label_of(best)},
                     {"probability", row[best]},
                     {"probabilities", std::vector<float>(row, row + head.classes)}};
      if (heads_.size() == 1) {
        results[b] = std::move(answer);
      } else {
        results[b][head.target] = std::move(answer);
      }
    }
  }
  return results;
}

json SequenceClassification::answer(const json& line) {
  if (!line.contains("text")) throw Error(ExitCode::corrupt, "\"text\" is missing");
  if (!text_) text_.emplace(description_.at("inputs"));
  const std::vector<int64_t> symbols = text_->symbols_of(line.at("text").get<std::string>());
  if (symbols.empty()) throw Error(ExitCode::corrupt, "\"text\" is empty");
  DeviceBatch batch;
  batch.inputs = torch::tensor(symbols).unsqueeze(1).to(classifier_->parameters()[0].device());
  batch.lengths = {static_cast<int64_t>(symbols.size())};
  batch.sample_ids = {0};
  return predict(batch).front();
}

/// Every target with a single symbol per sequence is a head.
json describe_classes(const Manifest& manifest) {
  json heads = json::array();
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    const StreamSchema& stream = manifest.streams[i];
    const bool one_step =
        std::all_of(manifest.splits.begin(), manifest.splits.end(), [&](const SplitInfo& split) {
          return std::all_of(split.shards.begin(), split.shards.end(), [&](const ShardInfo& shard) {
            return shard.steps.at(i) == shard.sequences;
          });
        });
    if (!stream.is_symbols() || !one_step) continue;
    heads.push_back(
        {{"target", stream.name}, {"classes", stream.num_classes}, {"labels", stream.labels}});
  }
  if (heads.empty()) {
    throw Error(ExitCode::config,
                "task sequence_classification needs a target of class labels, one for each "
                "sequence; this data set has none",
                "`lockstep data inspect` shows the streams of a data set");
  }
  const StreamSchema& inputs = manifest.streams.front();
  json description = {{"heads", heads}};
  if (inputs.is_symbols()) {
    description["inputs"] = describe_symbols(manifest, inputs);
  } else {
    description.update(
        {{"features", inputs.features}, {"scale", inputs.scale}, {"offset", inputs.offset}});
  }
  return description;
}

std::unique_ptr<Task> make_classifier(const ModelConfig& config, const json& description) {
  return std::make_unique<SequenceClassification>(config, description);
}

}  // namespace

TaskEntry sequence_classification_entry() {
  return {"sequence_classification", &describe_classes, &make_classifier};
}

}  // namespace lockstep
