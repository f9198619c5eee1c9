#include "data/import/labelled.h"

#include <algorithm>
#include <map>

#include "data/base/error.h"
#include "data/import/labelled_tool.h"
#include "data/print_sample.h"
#include "data/text/text_symbols.h"

namespace lockstep {
namespace {

class LabelledImporter : public LabelledTool {
 public:
  LabelledImporter() { split_.split_by = "label"; }

  void describe(Fields& fields) override {
    files_.describe(fields);
    split_.describe(fields, {"label", "random", "position", "group"});
    form_.describe(fields);
    text_.describe(fields);
    text_.describe_reuse(fields);
    rejections_.describe(fields);
    describe_compression(fields, limits_.compression);
  }

  std::vector<std::string> notes() const override { return notes_; }

 private:
  /// The key by which the record is divided.
  static const std::string& key_of(const LabelledRecord& record, const SplitRule& rule) {
    return rule.by == SplitBy::group ? record.group : record.labels[0];
  }

  void check(const LabelledRecord& record, const SplitRule& rule) const {
    if (!record.problem.empty()) throw Error(ExitCode::corrupt, record.problem);
    for (const std::string& label : record.labels) {
      if (form_.has_sets()) continue;  // which may be empty
      if (form_.labels_in(label)[0].empty()) throw Error(ExitCode::corrupt, "has no label");
    }
    if (rule.by == SplitBy::group && record.group.empty()) {
      throw Error(ExitCode::corrupt, "has no group");
    }
  }

  /// Divides the records and learns the vocabulary and the classes of those to train on.
  void learn(RecordPasses<LabelledRecord>& passes, const SplitRule& rule,
             Manifest& manifest) override {
    TextLearner learner(text_);
    NameNumbers numbers;
    passes.plan(rule, [&](const LabelledRecord& record) {
      check(record, rule);
      learner.check(record.text);
      return numbers.of(key_of(record, rule));
    });
    std::vector<std::map<std::string, int64_t>> labels(form_.targets().size());
    passes.train("learning tokens", [&](const LabelledRecord& record) {
      learner.add(record.text);
      for (size_t i = 0; i < labels.size(); ++i) {
        for (const std::string& label : form_.labels_in(record.labels[i])) labels[i][label] += 1;
      }
    });
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i].empty()) throw Error(ExitCode::corrupt, "the training records have no label");
      classes_.emplace_back();
      for (const auto& [label, count] : labels[i]) classes_.back().push_back(label);
      notes_.push_back(fmt::format("{}: {}", form_.targets()[i], sizes_of(labels[i])));
    }
    const LearnedText text = learner.finish("inputs.model");
    manifest.text = text.info;
    manifest.streams = {text.schema("inputs")};
    add_targets(manifest.streams);
  }

  /// Of the training records, the largest class first.
  static std::string sizes_of(const std::map<std::string, int64_t>& labels) {
    constexpr size_t kShown = 12;
    std::vector<std::pair<std::string, int64_t>> sizes(labels.begin(), labels.end());
    std::stable_sort(sizes.begin(), sizes.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text =
        fmt::format("{} in training",
                    sizes.size() == 1 ? "only 1 class" : fmt::format("{} classes", sizes.size()));
    for (size_t i = 0; i < std::min(kShown, sizes.size()); ++i) {
      text +=
          fmt::format("{} {} ({})", i == 0 ? ":" : ",", printable(sizes[i].first), sizes[i].second);
    }
    const auto rest = static_cast<int64_t>(sizes.size()) - static_cast<int64_t>(kShown);
    if (rest > 0) text += fmt::format(" and {} more, down to {}", rest, sizes.back().second);
    return text;
  }

  /// In sorted order of names.
  void add_targets(std::vector<StreamSchema>& streams) {
    const std::vector<std::string> targets = form_.targets();
    for (size_t i = 0; i < targets.size(); ++i) {
      if (!order_.emplace(targets[i], i).second) {
        throw Error(ExitCode::usage, fmt::format("two targets are called \"{}\"", targets[i]));
      }
    }
    for (const auto& [name, index] : order_) {
      StreamSchema target;
      target.name = name;
      target.element = form_.has_sets() ? ElementType::u8 : ElementType::i32;
      target.labels = classes_[index];
      const auto count = static_cast<int64_t>(classes_[index].size());
      (form_.has_sets() ? target.features : target.num_classes) = count;
      streams.push_back(std::move(target));
    }
  }

  void write(RecordPasses<LabelledRecord>& passes, const Manifest& manifest,
             SplitWriters& writers) const override {
    const TextSymbols symbols_of(*manifest.text, manifest.streams[0].labels);
    passes.all("importing", [&](const LabelledRecord& record, size_t split) {
      const std::vector<int64_t> wide = symbols_of(record.text);
      const std::vector<int32_t> symbols(wide.begin(), wide.end());
      std::vector<StreamView> views = {{symbols.data(), static_cast<int64_t>(symbols.size())}};
      std::vector<int32_t> labels;
      std::vector<std::vector<uint8_t>> sets;
      for (const auto& [name, index] : order_) {
        const std::string& label = record.labels[index];
        if (form_.has_sets()) {
          sets.push_back(set_of(label, index));
        } else {
          labels.push_back(static_cast<int32_t>(class_of(form_.labels_in(label)[0], index)));
        }
      }
      for (const auto& set : sets) views.push_back({set.data(), 1});
      for (const int32_t& label : labels) views.push_back({&label, 1});
      writers.append(split, views);
    });
  }

  size_t class_of(const std::string& label, size_t index) const {
    const std::vector<std::string>& names = classes_[index];
    const auto found = std::lower_bound(names.begin(), names.end(), label);
    if (found == names.end() || *found != label) {
      throw Error(ExitCode::corrupt,
                  fmt::format("the label \"{}\" is not in the training records", label));
    }
    return static_cast<size_t>(found - names.begin());
  }

  std::vector<uint8_t> set_of(const std::string& label, size_t index) const {
    std::vector<uint8_t> set(classes_[index].size());
    for (const std::string& name : form_.labels_in(label)) set[class_of(name, index)] = 1;
    return set;
  }

  std::vector<std::vector<std::string>> classes_;  ///< of each target, sorted
  std::vector<std::string> notes_;
  std::map<std::string, size_t> order_;  ///< of the targets in a shard
};

}  // namespace

DataToolEntry labelled_importer() {
  return {"labelled", "texts with labels, in tables or lines",
          "files whose records are divided by --split; or none, with --train",
          [] { return std::make_unique<LabelledImporter>(); }, /*source_is_optional=*/true};
}

}  // namespace lockstep
