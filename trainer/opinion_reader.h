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

  struct Answers {
    std::vector<std::string> errors;        ///< why a text has no answer; empty where it has one
    std::vector<LabelProbabilities> heads;  ///< a row for each text; none where no text has one
  };
  Answers answers(const std::vector<std::string>& texts);

  /// That of this name, or the only one. Throws Error(config) when there is no such head.
  const LabelProbabilities& head(const Answers& answers, const std::string& name) const;

 private:
  DeviceBatch batch_of(const std::vector<std::vector<int64_t>>& symbols,
                       const std::vector<size_t>& chosen) const;
  static void put(const std::vector<LabelProbabilities>& of_batch,
                  const std::vector<size_t>& chosen, Answers& answers);

  std::string name_;
  std::unique_ptr<Communicator> alone_;
  LoadedModel loaded_;
  nlohmann::json description_;
  TextInputs inputs_;
  int64_t longest_;
};

class OpinionReader {
 public:
  /// `sentiment` empty: the same run has both.
  OpinionReader(const std::filesystem::path& topic, const std::filesystem::path& sentiment,
                const std::string& device, const MonitorConfig& config);

  std::vector<Opinion> operator()(const std::vector<std::string>& texts);

 private:
  void set_topics(const LabelProbabilities& head, size_t text, Opinion& opinion) const;
  void set_sentiment(const LabelProbabilities& head, size_t text, Opinion& opinion) const;

  MonitorConfig config_;
  TextClassifier topic_;
  std::unique_ptr<TextClassifier> sentiment_;  ///< null: `topic_` knows it too
};

}  // namespace lockstep
