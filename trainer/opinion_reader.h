// Reads topics and sentiments of texts with the models of one run or two.
#pragma once

#include "trainer/model/libtorch.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "trainer/loaded_model.h"
#include "trainer/monitor/monitor_config.h"
#include "trainer/monitor/opinion.h"
#include "trainer/tasks/task.h"
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

/// A classifier of texts, as `lockstep predict` answers, but for many texts at once.
class TextClassifier {
 public:
  /// Throws Error(config) when the run's model reads no text, or has no labels to answer with.
  TextClassifier(const std::filesystem::path& source, const std::string& device, int64_t longest);

  /// Texts as the model reads them.
  struct Symbols {
    std::vector<std::vector<int64_t>> texts;
    std::vector<std::string> errors;  ///< why a text cannot be read; empty where it can
  };
  Symbols symbols_of(const std::vector<std::string>& texts);
  /// Whether `other` makes the same symbols of every text, as models of one data set do.
  bool reads_as(const TextClassifier& other) const {
    return description_.at("inputs") == other.description_.at("inputs");
  }

  struct Answers {
    std::vector<std::string> errors;        ///< why a text has no answer; empty where it has one
    std::vector<LabelProbabilities> heads;  ///< a row for each text; none where no text has one
  };
  Answers answers(const Symbols& symbols);

  /// The place in Answers::heads of that of this name, or of the only one. Throws Error(config)
  /// when there is no such head.
  size_t number_of_head(const std::string& name) const;
  /// The same head itself, without probabilities.
  const LabelProbabilities& head(const std::string& name) const {
    return heads_[number_of_head(name)];
  }

  const std::string& name() const { return name_; }

 private:
  DeviceBatch batch_of(const std::vector<std::vector<int64_t>>& symbols,
                       const std::vector<size_t>& chosen) const;
  static void put(const std::vector<LabelProbabilities>& of_batch,
                  const std::vector<size_t>& chosen, Answers& answers);

  std::string name_;
  std::unique_ptr<Communicator> alone_;
  LoadedModel loaded_;
  nlohmann::json description_;
  std::vector<LabelProbabilities> heads_;
  TextInputs inputs_;
  int64_t longest_;
};

/// Throws Error(config) when a head of the run `name` cannot tell sentiments: its labels are sets,
/// or lack one of `negative`, so that nothing would ever count as negative.
void check_sentiments(const LabelProbabilities& head, const std::vector<std::string>& negative,
                      const std::string& name);

/// Adds the probabilities of `other`, divided by `count`, to those of `mean`, label by label.
/// Throws Error(config) when its labels (of `name`) are others.
void add_share_of(const LabelProbabilities& other, const std::string& name, size_t count,
                  LabelProbabilities& mean);

class OpinionReader {
 public:
  /// At least one run with topics. `sentiments` empty: the same runs have both. The probabilities
  /// of several runs are averaged: models err in different places (Hansen & Salamon 1990).
  OpinionReader(const std::vector<std::filesystem::path>& topics,
                const std::vector<std::filesystem::path>& sentiments, const std::string& device,
                const MonitorConfig& config);

  std::vector<Opinion> operator()(const std::vector<std::string>& texts);

 private:
  struct Member {
    std::unique_ptr<TextClassifier> classifier;
    size_t reader = 0;  ///< in `readers_`
    TextClassifier::Answers answers;
  };
  using Group = std::vector<Member>;  // runs that are asked the same

  Group group_of(const std::vector<std::filesystem::path>& runs, const std::string& device);
  void ask(const std::vector<std::string>& texts);
  static LabelProbabilities mean_head(const Group& group, const std::string& head);
  void set_topics(const LabelProbabilities& head, size_t text, Opinion& opinion) const;
  void set_sentiment(const LabelProbabilities& head, size_t text, Opinion& opinion) const;

  MonitorConfig config_;
  /// Of all that read texts alike the first one, which cuts them for the others.
  std::vector<TextClassifier*> readers_;
  Group topics_;
  Group sentiments_;  ///< none: `topics_` know them too
};

}  // namespace lockstep
