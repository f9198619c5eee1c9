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
#include "trainer/tasks/text_inputs.h"

namespace lockstep {

/// A classifier of texts, as `lockstep predict` answers, but for many texts at once.
class TextClassifier {
 public:
  /// Throws Error(config) when the run's model reads no text, or has no labels to answer with.
  TextClassifier(const std::filesystem::path& source, const std::string& device, int64_t longest);

  struct Answer {
    nlohmann::json answer;
    std::string error;  ///< why there is none
  };
  std::vector<Answer> answers(const std::vector<std::string>& texts);

  /// The part of an answer that has the labels: that of `head`, or all of it where a run has one
  /// head only. Throws Error(config) when there is no such head.
  const nlohmann::json& part(const nlohmann::json& answer, const std::string& head) const;

 private:
  DeviceBatch batch_of(const std::vector<std::vector<int64_t>>& symbols,
                       const std::vector<size_t>& chosen) const;

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
  MonitorConfig config_;
  TextClassifier topic_;
  std::unique_ptr<TextClassifier> sentiment_;  ///< null: `topic_` knows it too
};

}  // namespace lockstep
