// T time, B batch.
#include "trainer/opinion_reader.h"

#include <algorithm>
#include <numeric>

#include "data/base/error.h"

namespace lockstep {

using nlohmann::json;

namespace {

/// Texts of like length are computed together: so many steps at once, padding included.
constexpr int64_t kBatchSteps = 8192;
constexpr size_t kBatchTexts = 512;

/// Throws Error(config) unless the model reads text.
json text_description(const std::string& name, const json& description) {
  if (description.contains("inputs") && description["inputs"].contains("tokens")) {
    return description["inputs"];
  }
  throw Error(ExitCode::config, fmt::format("{}: its model was not trained on text", name),
              "a run on a data set of `lockstep data import labelled` is needed");
}

json parse_description(const LoadedModel& loaded) {
  return json::parse(loaded.checkpoint.state.model);
}

}  // namespace

TextClassifier::TextClassifier(const std::filesystem::path& source, const std::string& device,
                               int64_t longest)
    : name_(source.string()),
      alone_(make_alone_communicator()),
      loaded_(load_model(source, device, *alone_)),
      description_(text_description(name_, parse_description(loaded_))),
      inputs_(description_),
      longest_(longest) {
  const std::string& task = loaded_.config.task;
  if (task != "sequence_classification" && task != "multi_label_classification") {
    throw Error(ExitCode::config, fmt::format("{}: its task {} gives texts no labels", name_, task),
                "a run of the task sequence_classification or multi_label_classification is "
                "needed");
  }
}

std::vector<TextClassifier::Answer> TextClassifier::answers(const std::vector<std::string>& texts) {
  std::vector<Answer> answers(texts.size());
  std::vector<std::vector<int64_t>> symbols(texts.size());
  std::vector<size_t> order;
  for (size_t i = 0; i < texts.size(); ++i) {
    try {
      symbols[i] = inputs_.symbols_of(texts[i]);
      if (symbols[i].empty()) throw Error(ExitCode::corrupt, "the text is empty");
      symbols[i].resize(std::min(symbols[i].size(), static_cast<size_t>(longest_)));
      order.push_back(i);
    } catch (const std::exception& error) {
      answers[i].error = error.what();
    }
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return symbols[a].size() < symbols[b].size(); });
  for (size_t begin = 0; begin < order.size();) {
    std::vector<size_t> chosen;
    for (size_t i = begin; i < order.size() && chosen.size() < kBatchTexts; ++i) {
      const auto steps = static_cast<int64_t>((chosen.size() + 1) * symbols[order[i]].size());
      if (!chosen.empty() && steps > kBatchSteps) break;
      chosen.push_back(order[i]);
    }
    std::vector<json> of_batch = loaded_.replica->task().predict(batch_of(symbols, chosen));
    for (size_t b = 0; b < chosen.size(); ++b) answers[chosen[b]].answer = std::move(of_batch[b]);
    begin += chosen.size();
  }
  return answers;
}

DeviceBatch TextClassifier::batch_of(const std::vector<std::vector<int64_t>>& symbols,
                                     const std::vector<size_t>& chosen) const {
  DeviceBatch batch;
  const auto size = static_cast<int64_t>(chosen.size());
  const auto time = static_cast<int64_t>(symbols[chosen.back()].size());  // they grow
  torch::Tensor symbols_BT = torch::full({size, time}, kPaddingSymbol, torch::kInt64);
  for (int64_t b = 0; b < size; ++b) {
    const std::vector<int64_t>& own = symbols[chosen[static_cast<size_t>(b)]];
    std::copy(own.begin(), own.end(), symbols_BT.mutable_data_ptr<int64_t>() + b * time);
    batch.lengths.push_back(static_cast<int64_t>(own.size()));
    batch.sample_ids.push_back(b);
  }
  batch.inputs = symbols_BT.t().contiguous().to(loaded_.compute.device);
  return batch;
}

const json& TextClassifier::part(const json& answer, const std::string& head) const {
  if (answer.contains("labels") || answer.contains("label")) return answer;
  if (answer.contains(head)) return answer.at(head);
  std::string heads;
  for (const auto& [name, value] : answer.items()) heads += (heads.empty() ? "" : ", ") + name;
  throw Error(ExitCode::config,
              fmt::format("{}: has no head \"{}\"; it has {}", name_, head, heads),
              "name them with --topic-head and --sentiment-head");
}

OpinionReader::OpinionReader(const std::filesystem::path& topic,
                             const std::filesystem::path& sentiment, const std::string& device,
                             const MonitorConfig& config)
    : config_(config), topic_(topic, device, config.longest) {
  if (!sentiment.empty()) {
    sentiment_ = std::make_unique<TextClassifier>(sentiment, device, config.longest);
  }
}

std::vector<Opinion> OpinionReader::operator()(const std::vector<std::string>& texts) {
  const auto topics = topic_.answers(texts);
  const auto others = sentiment_ ? sentiment_->answers(texts) : topics;
  const TextClassifier& second = sentiment_ ? *sentiment_ : topic_;
  std::vector<Opinion> opinions(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    Opinion& opinion = opinions[i];
    opinion.error = topics[i].error.empty() ? others[i].error : topics[i].error;
    if (!opinion.error.empty()) continue;
    const json& topic = topic_.part(topics[i].answer, config_.topic_head);
    const json& sentiment = second.part(others[i].answer, config_.sentiment_head);
    if (!sentiment.contains("label")) {
      throw Error(ExitCode::config, "the sentiment must be one label, not a set of them",
                  "give a run of the task sequence_classification with --sentiment");
    }
    opinion.topics = topic.contains("labels")
                         ? topic.at("labels").get<std::vector<std::string>>()
                         : std::vector<std::string>{topic.at("label").get<std::string>()};
    opinion.sentiment = sentiment.at("label");
    opinion.probability = sentiment.at("probability");
    opinion.negative = std::find(config_.negative.begin(), config_.negative.end(),
                                 opinion.sentiment) != config_.negative.end();
  }
  return opinions;
}

}  // namespace lockstep
