// B batch, C classes.
#include "trainer/tasks/sequence_classification.h"

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "trainer/model/label_smoothing.h"
#include "trainer/name_patterns.h"
#include "trainer/tasks/class_counts.h"
#include "trainer/tasks/input_lines.h"
#include "trainer/tasks/network_task.h"
#include "trainer/tasks/symbol_counts.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

/// What one head learns: the classes of one target. With several heads the network's output has
/// the classes of all of them, one head behind the other.
struct Head {
  std::string target;
  ClassCounts counts;
  Tensor weights_C;  ///< of the classes' losses in training; undefined: all alike

  int64_t classes() const { return counts.classes(); }
};

class SequenceClassification : public NetworkTask {
 public:
  SequenceClassification(const ModelConfig& config, const json& description)
      : NetworkTask(config, description, classes_in(description)), heads_(heads_of(description)) {
    if (!is_balanced()) set_weights();
  }

  std::string summary() const override;

  std::vector<std::string> sum_names() const override;
  Metrics metrics(const std::vector<double>& sums) const override;
  std::vector<std::pair<std::string, Metrics>> class_metrics(
      const std::vector<double>& sums) const override;

  void prepare(const Split& train) override;
  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  bool takes_plain_text() const override {
    return reads_symbol_lines() && description_.at("inputs").contains("tokens");
  }
  std::vector<json> predict(const DeviceBatch& batch) override;
  std::vector<LabelProbabilities> label_probabilities(const DeviceBatch& batch) override;

 private:
  static std::vector<Head> heads_of(const json& description) {
    std::vector<Head> heads;
    for (const json& head : description.at("heads")) {
      const std::string target = head.at("target");
      const std::string prefix = description.at("heads").size() == 1 ? "" : target + "_";
      heads.push_back({target, ClassCounts(head.at("classes"), head.at("labels"), prefix), {}});
    }
    return heads;
  }
  static int64_t classes_in(const json& description) {
    int64_t sum = 0;
    for (const json& head : description.at("heads")) sum += head.at("classes").get<int64_t>();
    return sum;
  }
  bool is_balanced() const { return config_.class_weights == std::vector<std::string>{"balanced"}; }
  void set_weights();
  Tensor weights_of(Head& head, const DropoutKey& key);
  std::vector<std::string> output_labels() const override;

  std::vector<Head> heads_;
};

std::string SequenceClassification::summary() const {
  std::string classes;
  for (const Head& head : heads_) {
    classes += fmt::format("{}{}{} classes", classes.empty() ? "" : " and ",
                           heads_.size() == 1 ? "" : head.target + " ", head.classes());
  }
  return fmt::format("{}, {} over time, linear -> {}", networks_.summary(), config_.pooling,
                     classes) +
         summary_of_bag();
}

/// "target=label" of each class.
std::vector<std::string> SequenceClassification::output_labels() const {
  std::vector<std::string> labels;
  for (const Head& head : heads_) {
    for (int64_t i = 0; i < head.classes(); ++i) {
      labels.push_back(fmt::format("{}={}", head.target, head.counts.label_of(i)));
    }
  }
  return labels;
}

std::vector<std::string> SequenceClassification::sum_names() const {
  std::vector<std::string> names = {"loss", "targets"};
  for (const Head& head : heads_) head.counts.add_names(names);
  return names;
}

Metrics SequenceClassification::metrics(const std::vector<double>& sums) const {
  Metrics metrics = {{"loss", sums[0] / (sums[1] > 0 ? sums[1] : NAN)}};
  const double* counts = sums.data() + 2;
  for (const Head& head : heads_) {
    head.counts.add_metrics(counts, metrics);
    counts += head.counts.size();
  }
  return metrics;
}

std::vector<std::pair<std::string, Metrics>> SequenceClassification::class_metrics(
    const std::vector<double>& sums) const {
  std::vector<std::pair<std::string, Metrics>> figures;
  const double* counts = sums.data() + 2;
  for (const Head& head : heads_) {
    const auto own = head.counts.class_metrics(counts);
    figures.insert(figures.end(), own.begin(), own.end());
    counts += head.counts.size();
  }
  return figures;
}

/// As model.class_weights says label by label.
void SequenceClassification::set_weights() {
  for (const NamedNumber& weight : named_numbers("model.class_weights", config_.class_weights)) {
    bool found = false;
    for (Head& head : heads_) {
      for (int64_t i = 0; i < head.classes(); ++i) {
        if (head.counts.label_of(i) != weight.name) continue;
        if (!head.weights_C.defined()) head.weights_C = torch::ones({head.classes()});
        head.weights_C[i] = weight.number;
        found = true;
      }
    }
    if (found) continue;
    throw Error(ExitCode::config,
                fmt::format("model.class_weights: no class is called \"{}\"", weight.name),
                "`lockstep data inspect` shows the classes of a data set");
  }
}

/// Balanced: samples / (classes * samples of the class), so that their mean over the split is one.
void SequenceClassification::prepare(const Split& train) {
  if (!is_balanced()) return;
  for (Head& head : heads_) {
    const std::vector<int64_t> counts = count_symbols(train, head.target);
    const auto occurring =
        std::count_if(counts.begin(), counts.end(), [](int64_t n) { return n > 0; });
    head.weights_C = torch::zeros({head.classes()});
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      head.weights_C[static_cast<int64_t>(i)] =
          static_cast<double>(train.size()) / static_cast<double>(occurring * counts[i]);
    }
  }
}

/// Held-out losses are those of the classes as they are.
Tensor SequenceClassification::weights_of(Head& head, const DropoutKey& key) {
  if (!key.training || !head.weights_C.defined()) return {};
  head.weights_C = head.weights_C.to(model().parameters()[0].device());
  return head.weights_C;
}

/// What each network says about the head whose outputs begin at `first`, [B, C] each.
std::vector<Tensor> logits_of_head(const std::vector<Tensor>& outputs, int64_t first,
                                   const Head& head) {
  return each_of(outputs, [&](const Tensor& own) { return own.narrow(1, first, head.classes()); });
}

TaskOutput SequenceClassification::compute(const DeviceBatch& batch, const DropoutKey& key) {
  const std::vector<Tensor> outputs = of_sequences(batch, key);
  Tensor loss_sum;
  std::vector<Tensor> counts;
  int64_t first = 0;
  for (Head& head : heads_) {
    const std::vector<Tensor> logits = logits_of_head(outputs, first, head);
    const Tensor labels_B = batch.target(head.target).select(0, 0);
    const Tensor weights_C = weights_of(head, key);
    const Tensor loss = mean_of(each_of(logits, [&](const Tensor& own_BC) {
      return torch::cross_entropy_loss(own_BC, labels_B, weights_C, at::Reduction::Sum,
                                       kPaddingSymbol, smoothing(config_, key));
    }));
    loss_sum = loss_sum.defined() ? loss_sum + loss : loss;
    first += head.classes();
    torch::NoGradGuard no_grad;
    counts.push_back(head.counts.count(mean_logits(logits), labels_B));
  }
  torch::NoGradGuard no_grad;
  const Tensor targets = torch::full({1}, static_cast<float>(batch.size()), loss_sum.options());
  counts.insert(counts.begin(), {loss_sum.detach().view({1}), targets});
  return {loss_sum, torch::cat(counts)};
}

std::vector<LabelProbabilities> SequenceClassification::label_probabilities(
    const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  const std::vector<Tensor> outputs = of_sequences(batch, {});
  std::vector<LabelProbabilities> all;
  int64_t first = 0;
  for (const Head& head : heads_) {
    LabelProbabilities own{head.target, {}, /*exclusive=*/true, {}};
    for (int64_t i = 0; i < head.classes(); ++i) own.labels.push_back(head.counts.label_of(i));
    own.p_BC = mean_logits(logits_of_head(outputs, first, head)).softmax(1).cpu().contiguous();
    first += head.classes();
    all.push_back(std::move(own));
  }
  return all;
}

/// An only head's answer, or one object for each head by its target's name.
std::vector<json> SequenceClassification::predict(const DeviceBatch& batch) {
  std::vector<json> results(static_cast<size_t>(batch.size()));
  const std::vector<LabelProbabilities> all = label_probabilities(batch);
  for (size_t i = 0; i < heads_.size(); ++i) {
    const Head& head = heads_[i];
    for (size_t b = 0; b < results.size(); ++b) {
      const float* row =
          all[i].p_BC.const_data_ptr<float>() + static_cast<int64_t>(b) * head.classes();
      const int64_t best = std::max_element(row, row + head.classes()) - row;
      json answer = {{"class", best},
                     {"label", head.counts.label_of(best)},
                     {"probability", row[best]},
                     {"probabilities", std::vector<float>(row, row + head.classes())}};
      if (heads_.size() == 1) {
        results[b] = std::move(answer);
      } else {
        results[b][head.target] = std::move(answer);
      }
    }
  }
  return results;
}

/// Every target with a single symbol per sequence is a head.
json describe_classes(const Manifest& manifest) {
  json heads = json::array();
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    const StreamSchema& stream = manifest.streams[i];
    if (!stream.is_symbols() || !has_one_step_each(manifest, i)) continue;
    heads.push_back(
        {{"target", stream.name}, {"classes", stream.num_classes}, {"labels", stream.labels}});
  }
  if (heads.empty()) {
    throw Error(ExitCode::config,
                "task sequence_classification needs a target of class labels, one for each "
                "sequence; this data set has none",
                "`lockstep data inspect` shows the streams of a data set");
  }
  json description = describe_inputs(manifest);
  description["heads"] = heads;
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
