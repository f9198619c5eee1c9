// T time, B batch.
#include "trainer/opinion_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "data/base/error.h"
#include "trainer/tasks/input_lines.h"

namespace lockstep {

using nlohmann::json;

namespace {

/// Texts of like length are computed together: so many steps at once, padding included.
constexpr int64_t kBatchSteps = 8192;
constexpr size_t kBatchTexts = 512;

/// Throws Error(config) unless the model gives texts labels.
json classifier_description(const std::string& name, const LoadedModel& loaded) {
  const std::string& task = loaded.config.task;
  if (task != "sequence_classification" && task != "multi_label_classification") {
    throw Error(ExitCode::config, fmt::format("{}: its task {} gives texts no labels", name, task),
                "a run of the task sequence_classification or multi_label_classification is "
                "needed");
  }
  json description = json::parse(loaded.checkpoint.state.model);
  if (description.contains("inputs") && description["inputs"].contains("tokens")) {
    return description;
  }
  throw Error(ExitCode::config, fmt::format("{}: its model was not trained on text", name),
              "a run on a data set of `lockstep data import labelled` is needed");
}

/// The heads of a classifier, without probabilities.
std::vector<LabelProbabilities> described_heads(const json& description) {
  std::vector<LabelProbabilities> heads;
  const auto add = [&](const json& target, const json& labels, bool exclusive) -> auto& {
    LabelProbabilities head;
    head.target = target.get<std::string>();
    head.labels = labels.get<std::vector<std::string>>();
    head.exclusive = exclusive;
    return heads.emplace_back(std::move(head));
  };
  if (!description.contains("heads")) {
    add(description.at("target"), description.at("labels"), false);
    return heads;
  }
  for (const json& own : description.at("heads")) {
    LabelProbabilities& head = add(own.at("target"), own.at("labels"), true);
    const auto classes = own.at("classes").get<size_t>();
    while (head.labels.size() < classes) head.labels.push_back(std::to_string(head.labels.size()));
  }
  return heads;
}

}  // namespace

TextClassifier::TextClassifier(const std::filesystem::path& source, const std::string& device,
                               int64_t longest)
    : name_(source.string()),
      alone_(make_alone_communicator()),
      loaded_(load_model(source, device, *alone_)),
      description_(classifier_description(name_, loaded_)),
      heads_(described_heads(description_)),
      inputs_(description_.at("inputs")),
      longest_(longest) {}

TextClassifier::Symbols TextClassifier::symbols_of(const std::vector<std::string>& texts) {
  Symbols symbols;
  symbols.texts.resize(texts.size());
  symbols.errors.resize(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    try {
      std::vector<int64_t> own = inputs_.symbols_of(texts[i]);
      if (own.empty()) throw Error(ExitCode::corrupt, "the text is empty");
      own.resize(std::min(own.size(), static_cast<size_t>(longest_)));
      symbols.texts[i] = std::move(own);
    } catch (const std::exception& error) {
      symbols.errors[i] = error.what();
    }
  }
  return symbols;
}

TextClassifier::Answers TextClassifier::answers(const Symbols& read) {
  Answers answers;
  answers.errors = read.errors;
  const std::vector<std::vector<int64_t>>& symbols = read.texts;
  std::vector<size_t> order;
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (answers.errors[i].empty()) order.push_back(i);
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
    put(loaded_.replica->task().label_probabilities(batch_of(symbols, chosen)), chosen, answers);
    begin += chosen.size();
  }
  return answers;
}

void TextClassifier::put(const std::vector<LabelProbabilities>& of_batch,
                         const std::vector<size_t>& chosen, Answers& answers) {
  const auto texts = static_cast<int64_t>(answers.errors.size());
  for (size_t h = 0; h < of_batch.size(); ++h) {
    const LabelProbabilities& own = of_batch[h];
    const int64_t labels = own.p_BC.size(1);
    if (h == answers.heads.size()) {
      answers.heads.push_back(
          {own.target, own.labels, own.exclusive, torch::zeros({texts, labels}, torch::kFloat32)});
    }
    float* all = answers.heads[h].p_BC.mutable_data_ptr<float>();
    const float* rows = own.p_BC.const_data_ptr<float>();
    for (size_t b = 0; b < chosen.size(); ++b) {
      std::copy_n(rows + static_cast<int64_t>(b) * labels, labels,
                  all + static_cast<int64_t>(chosen[b]) * labels);
    }
  }
}

DeviceBatch TextClassifier::batch_of(const std::vector<std::vector<int64_t>>& symbols,
                                     const std::vector<size_t>& chosen) const {
  std::vector<const std::vector<int64_t>*> texts;
  for (const size_t text : chosen) texts.push_back(&symbols[text]);
  return batch_of_symbols(texts, loaded_.compute.device);
}

size_t TextClassifier::number_of_head(const std::string& name) const {
  if (heads_.size() == 1) return 0;
  std::string heads;
  for (size_t i = 0; i < heads_.size(); ++i) {
    if (heads_[i].target == name) return i;
    heads += (heads.empty() ? "" : ", ") + heads_[i].target;
  }
  throw Error(ExitCode::config,
              fmt::format("{}: has no head \"{}\"; it has {}", name_, name, heads),
              "name them with --topic-head and --sentiment-head");
}

void check_sentiments(const LabelProbabilities& head, const std::vector<std::string>& negative,
                      const std::string& name) {
  if (!head.exclusive) {
    throw Error(ExitCode::config,
                fmt::format("{}: the sentiment must be one label, not a set of them", name),
                "give a run of the task sequence_classification with --sentiment");
  }
  for (const std::string& label : negative) {
    if (std::find(head.labels.begin(), head.labels.end(), label) != head.labels.end()) continue;
    throw Error(ExitCode::config,
                fmt::format("{}: none of its labels of \"{}\" is \"{}\"", name, head.target, label),
                fmt::format("they are {}; --negative says which of them count as negative",
                            fmt::join(head.labels, ", ")));
  }
}

void add_share_of(const LabelProbabilities& other, const std::string& name, size_t count,
                  LabelProbabilities& mean) {
  std::map<std::string, int64_t> columns;
  for (const std::string& label : other.labels) {
    columns.emplace(label, static_cast<int64_t>(columns.size()));
  }
  std::vector<int64_t> order;
  for (const std::string& label : mean.labels) {
    const auto found = columns.find(label);
    if (found != columns.end()) order.push_back(found->second);
  }
  if (order.size() != mean.labels.size() || other.labels.size() != mean.labels.size() ||
      other.exclusive != mean.exclusive) {
    throw Error(ExitCode::config,
                fmt::format("{}: its labels ({}) are not those of the runs before it ({})", name,
                            fmt::join(other.labels, ", "), fmt::join(mean.labels, ", ")),
                "runs whose answers are averaged must know the same labels, one or sets of them");
  }
  const torch::Tensor p_BC = other.p_BC.index_select(1, torch::tensor(order));
  mean.p_BC.add_(p_BC, 1.0 / static_cast<double>(count));
}

OpinionReader::OpinionReader(const std::vector<std::filesystem::path>& topics,
                             const std::vector<std::filesystem::path>& sentiments,
                             const std::string& device, const MonitorConfig& config)
    : config_(config),
      topics_(group_of(topics, device)),
      sentiments_(group_of(sentiments, device)) {
  LOCKSTEP_CHECK(!topics.empty(), "a monitor needs a run that knows topics");
  for (const Member& member : topics_) member.classifier->head(config_.topic_head);
  for (const Member& member : sentiments_.empty() ? topics_ : sentiments_) {
    check_sentiments(member.classifier->head(config_.sentiment_head), config_.negative,
                     member.classifier->name());
  }
}

OpinionReader::Group OpinionReader::group_of(const std::vector<std::filesystem::path>& runs,
                                             const std::string& device) {
  Group group;
  group.reserve(runs.size());
  for (const auto& run : runs) {
    auto classifier = std::make_unique<TextClassifier>(run, device, config_.longest);
    const auto alike = std::find_if(readers_.begin(), readers_.end(), [&](const auto* reader) {
      return classifier->reads_as(*reader);
    });
    const auto reader = static_cast<size_t>(alike - readers_.begin());
    if (alike == readers_.end()) readers_.push_back(classifier.get());
    group.push_back({std::move(classifier), reader, {}});
  }
  return group;
}

void OpinionReader::ask(const std::vector<std::string>& texts) {
  std::vector<TextClassifier::Symbols> symbols;
  symbols.reserve(readers_.size());
  for (TextClassifier* reader : readers_) symbols.push_back(reader->symbols_of(texts));
  for (Group* group : {&topics_, &sentiments_}) {
    for (Member& member : *group) {
      member.answers = member.classifier->answers(symbols[member.reader]);
    }
  }
}

LabelProbabilities OpinionReader::mean_head(const Group& group, const std::string& head) {
  const auto head_of = [&](const Member& member) -> const LabelProbabilities& {
    return member.answers.heads[member.classifier->number_of_head(head)];
  };
  LabelProbabilities mean = head_of(group.front());
  if (group.size() == 1) return mean;
  mean.p_BC = torch::zeros_like(mean.p_BC);
  for (const Member& member : group) {
    add_share_of(head_of(member), member.classifier->name(), group.size(), mean);
  }
  return mean;
}

std::vector<Opinion> OpinionReader::operator()(const std::vector<std::string>& texts) {
  ask(texts);
  std::vector<Opinion> opinions(texts.size());
  bool any = true;  // was read by every model
  for (const Group* group : {&topics_, &sentiments_}) {
    for (const Member& member : *group) {
      any = any && !member.answers.heads.empty();
      for (size_t i = 0; i < texts.size(); ++i) {
        if (opinions[i].error.empty()) opinions[i].error = member.answers.errors[i];
      }
    }
  }
  if (!any) return opinions;
  const LabelProbabilities topic = mean_head(topics_, config_.topic_head);
  const LabelProbabilities sentiment =
      mean_head(sentiments_.empty() ? topics_ : sentiments_, config_.sentiment_head);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!opinions[i].error.empty()) continue;
    set_topics(topic, i, opinions[i]);
    set_sentiment(sentiment, i, opinions[i]);
  }
  return opinions;
}

void OpinionReader::set_topics(const LabelProbabilities& head, size_t text,
                               Opinion& opinion) const {
  const auto labels = static_cast<std::ptrdiff_t>(head.labels.size());
  const float* p = head.p_BC.const_data_ptr<float>() + static_cast<std::ptrdiff_t>(text) * labels;
  const std::ptrdiff_t best = std::max_element(p, p + labels) - p;
  for (std::ptrdiff_t i = 0; i < labels; ++i) {
    const std::string& label = head.labels[static_cast<size_t>(i)];
    if (head.exclusive ? i == best : p[i] > 0.5F) opinion.topics.push_back(label);
    opinion.topic_shares.emplace_back(label, p[i]);
  }
}

void OpinionReader::set_sentiment(const LabelProbabilities& head, size_t text,
                                  Opinion& opinion) const {
  const auto labels = static_cast<std::ptrdiff_t>(head.labels.size());
  const float* p = head.p_BC.const_data_ptr<float>() + static_cast<std::ptrdiff_t>(text) * labels;
  const std::ptrdiff_t best = std::max_element(p, p + labels) - p;
  opinion.sentiment = head.labels[static_cast<size_t>(best)];
  opinion.probability = p[best];
  for (std::ptrdiff_t i = 0; i < labels; ++i) {
    const std::string& label = head.labels[static_cast<size_t>(i)];
    if (std::find(config_.negative.begin(), config_.negative.end(), label) ==
        config_.negative.end()) {
      continue;
    }
    opinion.negative_share += p[i];
    opinion.negative = opinion.negative || i == best;
  }
}

}  // namespace lockstep
