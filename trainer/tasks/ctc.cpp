// T time, B batch, C labels and the blank, S labels of a target.
#include "trainer/tasks/ctc.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/base/error.h"
#include "trainer/stopwatch.h"
#include "trainer/tasks/ctc_decoding.h"
#include "trainer/tasks/edit_distance.h"
#include "trainer/tasks/network_task.h"
#include "trainer/tasks/symbol_counts.h"
#include "trainer/tasks/symbol_ngrams.h"

namespace lockstep {

using nlohmann::json;
using torch::Tensor;

namespace {

constexpr const char* kBetweenWords = " ";

/// Labels of each sequence, without padding.
std::vector<std::vector<int64_t>> labels_of(const Tensor& labels_SB) {
  const Tensor host_BS = labels_SB.t().cpu().contiguous();
  const int64_t most = host_BS.size(1);
  std::vector<std::vector<int64_t>> labels;
  for (int64_t b = 0; b < host_BS.size(0); ++b) {
    const int64_t* row = host_BS.const_data_ptr<int64_t>() + b * most;
    labels.emplace_back(row, std::find(row, row + most, kPaddingSymbol));
  }
  return labels;
}

/// Whether so many steps can spell the labels: equal neighbours need a blank between them.
bool can_spell(const std::vector<int64_t>& labels, int64_t steps) {
  int64_t needed = static_cast<int64_t>(labels.size());
  for (size_t i = 1; i < labels.size(); ++i) needed += labels[i] == labels[i - 1] ? 1 : 0;
  return needed <= steps;
}

/// `decode` of each sequence's scores.
template <class Decode>
std::vector<CtcAnswer> decode_each(const Tensor& log_p_TBC, const Lengths& lengths, Decode decode) {
  const Tensor host_TBC = log_p_TBC.cpu().contiguous();
  const int64_t batch = host_TBC.size(1), symbols = host_TBC.size(2);
  std::vector<CtcAnswer> answers;
  for (int64_t b = 0; b < batch; ++b) {
    answers.push_back(decode(CtcScores{host_TBC.const_data_ptr<float>() + b * symbols,
                                       lengths[static_cast<size_t>(b)], batch * symbols, symbols}));
  }
  return answers;
}

class Ctc : public NetworkTask {
 public:
  Ctc(const ModelConfig& config, const json& description)
      : NetworkTask(config, description, description.at("classes").get<int64_t>() + 1),
        labels_(description.at("labels")),
        blank_(description.at("classes")) {
    const auto space = std::find(labels_.begin(), labels_.end(), kBetweenWords);
    if (space != labels_.end()) space_ = space - labels_.begin();
    if (config.ngram == 0) return;
    ngrams_.emplace(blank_, config.ngram);
    ngram_table_ = networks_->register_buffer("ngram_table", torch::zeros(ngrams_->shape()));
  }

  std::string summary() const override {
    return fmt::format("{}, linear -> {} labels and a blank", networks_.summary(), blank_);
  }

  std::vector<std::string> sum_names() const override {
    return {"loss",      "targets",    "sequences", "exact",        "substitutions",
            "deletions", "insertions", "words",     "symbol_edits", "symbols"};
  }
  Metrics metrics(const std::vector<double>& sums) const override;
  void prepare(const Split& train) override;
  TaskOutput compute(const DeviceBatch& batch, const DropoutKey& key) override;
  std::vector<json> predict(const DeviceBatch& batch) override;
  bool set_writing(const WritingOptions& options) override;

 private:
  std::vector<std::string> output_labels() const override;
  json answer_of(const CtcAnswer& answer) const;
  json stream(const Tensor& inputs_T1);
  std::vector<CtcAnswer> best_paths(const Tensor& log_p_TBC, const Lengths& lengths) const;
  std::vector<CtcAnswer> search(const Tensor& log_p_TBC, const Lengths& lengths) const;
  Tensor count_errors(const std::vector<std::vector<int64_t>>& right,
                      const std::vector<CtcAnswer>& answers) const;

  std::vector<std::string> labels_;
  int64_t blank_;
  std::optional<int64_t> space_;  ///< the label between words of a text
  int64_t stream_steps_ = 0;      ///< read at a time; 0: all
  std::optional<SymbolNgrams> ngrams_;
  Tensor ngram_table_;  ///< undefined without n-grams
};

std::vector<std::string> Ctc::output_labels() const {
  std::vector<std::string> labels = labels_;
  for (int64_t i = static_cast<int64_t>(labels.size()); i < blank_; ++i) {
    labels.push_back(std::to_string(i));
  }
  labels.emplace_back("<blank>");
  return labels;
}

Metrics Ctc::metrics(const std::vector<double>& sums) const {
  const auto ratio = [](double part, double whole) { return whole > 0 ? part / whole : NAN; };
  Metrics metrics = {{"loss", ratio(sums[0], sums[1])},
                     {"wer", ratio(sums[4] + sums[5] + sums[6], sums[7])}};
  if (space_) metrics.emplace_back("cer", ratio(sums[8], sums[9]));
  metrics.insert(metrics.end(), {{"exact", ratio(sums[3], sums[2])},
                                 {"substitutions", sums[4]},
                                 {"deletions", sums[5]},
                                 {"insertions", sums[6]}});
  return metrics;
}

void Ctc::prepare(const Split& train) {
  if (!ngrams_) return;
  SymbolNgrams counted(blank_, config_.ngram);
  visit_symbols(train, description_.at("target"),
                [&](const std::vector<int64_t>& labels) { counted.add(labels); });
  torch::NoGradGuard no_grad;
  ngram_table_.copy_(counted.table());
}

TaskOutput Ctc::compute(const DeviceBatch& batch, const DropoutKey& key) {
  Lengths lengths = batch.lengths;
  const Tensor log_p_TBC = networks_->of_steps(batch.inputs, lengths, key).log_softmax(2);
  const Tensor& labels_SB = batch.target(description_.at("target"));
  const std::vector<std::vector<int64_t>> right = labels_of(labels_SB);
  std::vector<int64_t> label_counts;
  int64_t possible = 0;
  for (size_t b = 0; b < right.size(); ++b) {
    label_counts.push_back(static_cast<int64_t>(right[b].size()));
    possible += can_spell(right[b], lengths[b]) ? 1 : 0;
  }
  // Impossible targets have an infinite loss; zero_infinity takes it out, and its gradient.
  const Tensor loss_B = torch::ctc_loss(log_p_TBC, labels_SB.t().clamp_min(0).contiguous(), lengths,
                                        label_counts, blank_, at::Reduction::None, true);
  const Tensor loss_sum = loss_B.sum();
  torch::NoGradGuard no_grad;
  const auto answers =
      key.training ? best_paths(log_p_TBC.detach(), lengths) : search(log_p_TBC.detach(), lengths);
  const Tensor targets = torch::full({}, static_cast<float>(possible), loss_sum.options());
  const Tensor errors = count_errors(right, answers).to(loss_sum.device());
  return {loss_sum, torch::cat({torch::stack({loss_sum.detach(), targets}), errors})};
}

std::vector<CtcAnswer> Ctc::best_paths(const Tensor& log_p_TBC, const Lengths& lengths) const {
  return decode_each(log_p_TBC, lengths, best_path);
}

std::vector<CtcAnswer> Ctc::search(const Tensor& log_p_TBC, const Lengths& lengths) const {
  if (!ngrams_ && config_.beam_size == 1) return best_paths(log_p_TBC, lengths);
  Tensor table;
  std::optional<CtcPrior> prior;
  if (ngrams_) {
    table = ngram_table_.cpu().contiguous();
    prior = {&*ngrams_, table.const_data_ptr<float>(), config_.ngram_weight, config_.symbol_bonus};
  }
  return decode_each(log_p_TBC, lengths, [&](const CtcScores& scores) {
    return beam_search(scores, config_.beam_size, prior ? &*prior : nullptr);
  });
}

Tensor Ctc::count_errors(const std::vector<std::vector<int64_t>>& right,
                         const std::vector<CtcAnswer>& answers) const {
  EditCounts words, symbols;
  int64_t exact = 0;
  const auto add = [](EditCounts& sum, const EditCounts& counts) {
    sum.substitutions += counts.substitutions;
    sum.deletions += counts.deletions;
    sum.insertions += counts.insertions;
    sum.length += counts.length;
  };
  for (size_t b = 0; b < right.size(); ++b) {
    const EditCounts own = count_edits(right[b], answers[b].symbols);
    add(symbols, own);
    exact += own.errors() == 0 ? 1 : 0;
    if (!space_) continue;
    std::vector<int64_t> right_words, answer_words;
    split_into_words(*space_, right[b], answers[b].symbols, right_words, answer_words);
    add(words, count_edits(right_words, answer_words));
  }
  if (!space_) words = symbols;
  return torch::tensor({static_cast<int64_t>(right.size()), exact, words.substitutions,
                        words.deletions, words.insertions, words.length, symbols.errors(),
                        symbols.length})
      .to(torch::kFloat32);
}

std::vector<json> Ctc::predict(const DeviceBatch& batch) {
  torch::NoGradGuard no_grad;
  std::vector<json> results;
  for (int64_t b = 0; stream_steps_ > 0 && b < batch.size(); ++b) {
    const int64_t length = batch.lengths[static_cast<size_t>(b)];
    results.push_back(stream(batch.inputs.narrow(0, 0, length).narrow(1, b, 1)));
  }
  if (stream_steps_ > 0) return results;
  Lengths lengths = batch.lengths;
  const Tensor log_p_TBC = networks_->of_steps(batch.inputs, lengths, {}).log_softmax(2);
  for (const CtcAnswer& answer : search(log_p_TBC, lengths)) {
    results.push_back(answer_of(answer));
  }
  return results;
}

json Ctc::answer_of(const CtcAnswer& answer) const {
  std::string text;
  json labels = json::array();
  for (const int64_t symbol : answer.symbols) {
    const auto index = static_cast<size_t>(symbol);
    const std::string label = index < labels_.size() ? labels_[index] : std::to_string(symbol);
    text += (text.empty() || space_ ? "" : kBetweenWords) + label;
    labels.push_back(label);
  }
  return {{"text", text}, {"labels", labels}, {"log_probability", answer.log_p}};
}

bool Ctc::set_writing(const WritingOptions& options) {
  if (options.stream_steps == 0 || options.beam_size > 0 || options.n_best > 1 ||
      options.attention) {
    return false;
  }
  if (!networks_->can_stream()) {
    throw Error(ExitCode::config, "--stream: what this model writes depends on what follows",
                "train one without model.bidirectional and model.context");
  }
  const int64_t join = config_.join_steps;
  stream_steps_ = (options.stream_steps + join - 1) / join * join;
  return true;
}

/// One sequence, a few steps at a time: the symbols of the best path as they are heard.
json Ctc::stream(const Tensor& inputs_T1) {
  std::vector<LstmState> states(static_cast<size_t>(config_.num_layers));
  CtcAnswer heard;
  int64_t before = blank_;
  json partial = json::array();
  std::vector<double> milliseconds;
  for (int64_t begin = 0; begin < inputs_T1.size(0); begin += stream_steps_) {
    const int64_t count = std::min(stream_steps_, inputs_T1.size(0) - begin);
    const Stopwatch watch;
    Lengths lengths = {count};
    const Tensor log_p_TC =
        networks_->of_steps(inputs_T1.narrow(0, begin, count).contiguous(), lengths, {}, &states)
            .select(1, 0)
            .log_softmax(1);
    const auto [best_T, symbols_T] = log_p_TC.cpu().max(1);
    const size_t known = heard.symbols.size();
    for (int64_t t = 0; t < lengths[0]; ++t) {
      const int64_t symbol = symbols_T[t].item<int64_t>();
      if (symbol != blank_ && symbol != before) heard.symbols.push_back(symbol);
      heard.log_p += best_T[t].item<double>();
      before = symbol;
    }
    milliseconds.push_back(1e3 * watch.seconds());
    if (heard.symbols.size() == known) continue;
    partial.push_back({{"step", begin + count}, {"text", answer_of(heard)["text"]}});
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  const auto quantile = [&](double share) {
    return milliseconds[static_cast<size_t>(share * static_cast<double>(milliseconds.size() - 1))];
  };
  json answer = answer_of(heard);
  answer["partial"] = std::move(partial);
  answer["latency"] = {{"steps", stream_steps_},
                       {"milliseconds_p50", quantile(0.5)},
                       {"milliseconds_p95", quantile(0.95)}};
  return answer;
}

json describe_transcripts(const Manifest& manifest) {
  for (size_t i = 1; i < manifest.streams.size(); ++i) {
    const StreamSchema& stream = manifest.streams[i];
    if (!stream.is_symbols()) continue;
    json description = describe_inputs(manifest);
    description.update(
        {{"target", stream.name}, {"classes", stream.num_classes}, {"labels", stream.labels}});
    return description;
  }
  throw Error(ExitCode::config, "task ctc needs a target of symbols; this data set has none",
              "`lockstep data inspect` shows the streams of a data set");
}

std::unique_ptr<Task> make_ctc(const ModelConfig& config, const json& description) {
  return std::make_unique<Ctc>(config, description);
}

}  // namespace

TaskEntry ctc_entry() {
  return {"ctc", &describe_transcripts, &make_ctc};
}

}  // namespace lockstep
