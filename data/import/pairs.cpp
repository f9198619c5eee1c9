#include "data/import/pairs.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>

#include "data/base/error.h"
#include "data/dense_stream.h"
#include "data/import/labelled_tool.h"
#include "data/mix.h"
#include "data/text/matching.h"
#include "data/text/text_symbols.h"

namespace lockstep {
namespace {

struct Candidate {
  std::string text;
  bool right = false;
};

/// A question with its candidates in the order of the source.
struct Question {
  std::string text;
  std::vector<Candidate> candidates;

  bool has_right() const {
    return std::any_of(candidates.begin(), candidates.end(),
                       [](const Candidate& one) { return one.right; });
  }
  bool has_wrong() const {
    return !std::all_of(candidates.begin(), candidates.end(),
                        [](const Candidate& one) { return one.right; });
  }
  bool has(const std::string& answer) const {
    return std::any_of(candidates.begin(), candidates.end(),
                       [&](const Candidate& one) { return one.text == answer; });
  }
};

/// The questions of one split in the order in which they first come.
class QuestionList {
 public:
  void add(const std::string& question, Candidate candidate) {
    const auto [found, is_new] = numbers_.try_emplace(question, questions_.size());
    if (is_new) questions_.push_back({question, {}});
    questions_[found->second].candidates.push_back(std::move(candidate));
  }

  /// Returns how many went.
  int64_t drop_unanswered() {
    const auto keep = std::stable_partition(questions_.begin(), questions_.end(),
                                            [](const Question& one) { return one.has_right(); });
    const int64_t dropped = questions_.end() - keep;
    questions_.erase(keep, questions_.end());
    numbers_.clear();
    return dropped;
  }

  /// Gives each question right answers of others as wrong candidates of its own.
  void add_others(int64_t count, uint64_t seed) {
    std::vector<std::string> pool;
    for (const Question& question : questions_) {
      for (const Candidate& one : question.candidates) {
        if (one.right) pool.push_back(one.text);
      }
    }
    std::sort(pool.begin(), pool.end());
    pool.erase(std::unique(pool.begin(), pool.end()), pool.end());
    for (size_t i = 0; i < questions_.size(); ++i) {
      std::vector<std::string> left = pool;
      Random random(mix64(seed, i));
      for (int64_t taken = 0; taken < count && !left.empty();) {
        std::swap(left[random.below(left.size())], left.back());
        if (!questions_[i].has(left.back())) {
          questions_[i].candidates.push_back({left.back(), false});
          ++taken;
        }
        left.pop_back();
      }
    }
  }

  const std::vector<Question>& questions() const { return questions_; }

 private:
  std::vector<Question> questions_;
  std::unordered_map<std::string, size_t> numbers_;
};

class PairsImporter : public LabelledTool {
 public:
  PairsImporter() { split_.split_by = "group"; }

  void describe(Fields& fields) override {
    files_.describe(fields);
    split_.describe(fields, {"group"});
    form_.describe(fields);
    fields.add("right", right_, "the labels of right answers; all others are wrong");
    fields
        .add(
            "others", others_,
            "right answers of other questions that each question of validation and test also gets, "
            "as wrong ones")
        .at_least(0)
        .at_most(100000);
    fields.add("unanswered", unanswered_,
               "training questions without a right answer stay, as examples of wrong ones");
    text_.describe(fields);
    rejections_.describe(fields);
    describe_compression(fields, limits_.compression);
  }

  std::vector<std::string> notes() const override { return notes_; }

 private:
  void learn(RecordPasses<LabelledRecord>& passes, const SplitRule& rule,
             Manifest& manifest) override {
    collect(passes, rule);
    const int64_t dropped = drop_and_add(rule);
    if (dropped > 0) {
      const std::string left_out =
          fmt::format("{} questions without a right answer left out", dropped);
      manifest.source += fmt::format(" ({})", left_out);
      notes_.push_back(left_out);
    }
    note_what_cannot_be_ranked();
    learn_symbols(manifest);
  }

  void collect(RecordPasses<LabelledRecord>& passes, const SplitRule& rule) {
    const TextLearner checker(text_);
    NameNumbers numbers;
    passes.plan(rule, [&](const LabelledRecord& record) {
      if (!record.problem.empty()) throw Error(ExitCode::corrupt, record.problem);
      if (record.group.empty()) throw Error(ExitCode::corrupt, "has no question");
      checker.check(record.group);
      checker.check(record.text);
      return numbers.of(record.group);
    });
    passes.all("collecting answers", [&](const LabelledRecord& record, size_t split) {
      const std::vector<std::string> labels = form_.labels_in(record.labels[0]);
      if (labels_.size() < kMostLabels) labels_.insert(labels.begin(), labels.end());
      const bool right = std::find_first_of(labels.begin(), labels.end(), right_.begin(),
                                            right_.end()) != labels.end();
      splits_[split].add(record.group, {record.text, right});
    });
  }

  int64_t drop_and_add(const SplitRule& rule) {
    int64_t dropped = 0;
    for (size_t split = 0; split < splits_.size(); ++split) {
      if (split > 0 || !unanswered_) dropped += splits_[split].drop_unanswered();
      if (split > 0) splits_[split].add_others(others_, mix64(rule.seed, split));
    }
    const std::vector<Question>& train = splits_[0].questions();
    if (std::none_of(train.begin(), train.end(),
                     [](const Question& one) { return one.has_right(); })) {
      throw Error(ExitCode::corrupt, "no training question has a right answer",
                  fmt::format("--right names the labels of right answers; the source has {}",
                              fmt::join(labels_, ", ")));
    }
    return dropped;
  }

  /// Where every candidate is right each order is as good.
  void note_what_cannot_be_ranked() {
    for (size_t split = 0; split < splits_.size(); ++split) {
      const std::vector<Question>& questions = splits_[split].questions();
      if (questions.empty() || std::any_of(questions.begin(), questions.end(),
                                           [](const Question& one) { return one.has_wrong(); })) {
        continue;
      }
      notes_.push_back(fmt::format(
          "{}: no question has a wrong answer, so {}", kSplitNames[split],
          split == 0 ? "only model.matching: dual can learn from it, which takes those of others"
                     : "there is nothing to rank; --others 20 gives each 20 of other questions"));
    }
  }

  /// One vocabulary for questions and answers.
  void learn_symbols(Manifest& manifest) const {
    TextLearner learner(text_);
    for (const Question& question : splits_[0].questions()) {
      learner.add(question.text);
      for (const Candidate& one : question.candidates) learner.add(one.text);
    }
    const LearnedText text = learner.finish("inputs.model");
    manifest.text = text.info;
    StreamSchema answers = text.schema("answers");
    answers.labels.clear();  // those of the inputs
    manifest.streams = {
        text.schema("inputs"), answers, dense_stream("lengths", ElementType::i32, 1),
        dense_stream("match", ElementType::i16, 2), dense_stream("right", ElementType::u8, 1)};
  }

  void write(RecordPasses<LabelledRecord>&, const Manifest& manifest,
             SplitWriters& writers) const override {
    const TextSymbols symbols_of(*manifest.text, manifest.streams[0].labels);
    const TextRules rules = rules_of(*manifest.text);
    for (size_t split = 0; split < splits_.size(); ++split) {
      for (const Question& question : splits_[split].questions()) {
        const std::vector<std::string> words = tokenize(question.text, rules);
        std::vector<int32_t> inputs = narrow(symbols_of(question.text)), answers, lengths;
        std::vector<TokenMatch> matches;
        std::vector<uint8_t> right;
        for (const Candidate& one : question.candidates) {
          const std::vector<int32_t> own = narrow(symbols_of(one.text));
          const auto own_matches = match_tokens(words, tokenize(one.text, rules));
          answers.insert(answers.end(), own.begin(), own.end());
          matches.insert(matches.end(), own_matches.begin(), own_matches.end());
          lengths.push_back(static_cast<int32_t>(own.size()));
          right.push_back(one.right ? 1 : 0);
        }
        const auto steps = [](const auto& values) { return static_cast<int64_t>(values.size()); };
        writers.append(split, {{inputs.data(), steps(inputs)},
                               {answers.data(), steps(answers)},
                               {lengths.data(), steps(lengths)},
                               {matches.data(), steps(matches)},
                               {right.data(), steps(right)}});
      }
    }
  }

  static std::vector<int32_t> narrow(const std::vector<int64_t>& symbols) {
    return {symbols.begin(), symbols.end()};
  }

  std::vector<std::string> right_ = {"1"};
  int64_t others_ = 0;
  bool unanswered_ = false;
  std::vector<std::string> notes_;
  static constexpr size_t kMostLabels = 8;
  std::set<std::string> labels_;  ///< of the source, the first kMostLabels or so
  std::array<QuestionList, kSplitNames.size()> splits_;
};

}  // namespace

DataToolEntry pairs_importer() {
  return {"pairs", "questions and candidate answers with a label for each, grouped by question",
          "files whose questions are divided by --split; or none, with --train",
          [] { return std::make_unique<PairsImporter>(); },
          /*source_is_optional=*/true};
}

}  // namespace lockstep
