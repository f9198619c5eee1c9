#include "data/import/labelled.h"

#include <map>
#include <set>

#include "data/base/error.h"
#include "data/import/labelled_records.h"
#include "data/import/split_writers.h"
#include "data/import/text_options.h"
#include "data/staged_folder.h"
#include "data/text/text_symbols.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

class LabelledImporter : public DataTool {
 public:
  LabelledImporter() { split_.split_by = "label"; }

  void describe(Fields& fields) override {
    files_.describe(fields);
    split_.describe(fields, {"label", "random", "position"});
    form_.describe(fields);
    text_.describe(fields);
    rejections_.describe(fields);
    describe_compression(fields, limits_.compression);
  }

  void run(const std::vector<fs::path>& paths, const fs::path& out,
           const Progress& progress) override {
    const std::vector<SplitSource> sources = find_sources(paths, files_);
    form_.check(sources.size());
    const SplitRule rule = split_.rule();
    RecordPasses<LabelledRecord> passes([&](const auto& visit) { form_.read_all(sources, visit); },
                                        rejections_, progress);
    NameNumbers numbers;
    passes.plan(rule, [&](const LabelledRecord& record) {
      check(record);
      return numbers.of(record.labels[0]);
    });
    learn(passes);
    StagedFolder folder(out);
    Manifest manifest;
    manifest.source = name_sources(sources);
    manifest.streams = schema();
    manifest.text = text_.info();
    SplitWriters writers(folder.path(), wanted_splits(sources, rule.shares), manifest.streams,
                         limits_);
    write(passes, manifest, writers);
    manifest.splits = writers.finish();
    write_manifest(folder.path(), manifest);
    folder.commit();
  }

  const Rejections* rejections() const override { return &rejections_; }

 private:
  void check(const LabelledRecord& record) const {
    if (!record.problem.empty()) throw Error(ExitCode::corrupt, record.problem);
    for (const std::string& label : record.labels) {
      if (label.empty()) throw Error(ExitCode::corrupt, "has no label");
    }
    if (text_.tokens_of(record.text).empty()) throw Error(ExitCode::corrupt, "has no text");
  }

  /// Vocabulary and classes of the training records.
  void learn(RecordPasses<LabelledRecord>& passes) {
    std::vector<std::set<std::string>> labels(form_.targets().size());
    VocabularyCounter counter;
    passes.train("counting tokens", [&](const LabelledRecord& record) {
      for (const std::string& token : text_.tokens_of(record.text)) counter.add(token);
      for (size_t i = 0; i < labels.size(); ++i) labels[i].insert(record.labels[i]);
    });
    tokens_ = text_.vocabulary(counter);
    for (const auto& names : labels) classes_.emplace_back(names.begin(), names.end());
  }

  /// Inputs, then targets in sorted order of names.
  std::vector<StreamSchema> schema() {
    std::vector<StreamSchema> streams = {text_.schema(tokens_)};
    const std::vector<std::string> targets = form_.targets();
    for (size_t i = 0; i < targets.size(); ++i) {
      if (!order_.emplace(targets[i], i).second) {
        throw Error(ExitCode::usage, fmt::format("two targets are called \"{}\"", targets[i]));
      }
    }
    for (const auto& [name, index] : order_) {
      StreamSchema target;
      target.name = name;
      target.element = ElementType::i32;
      target.labels = classes_[index];
      target.num_classes = static_cast<int64_t>(classes_[index].size());
      streams.push_back(std::move(target));
    }
    return streams;
  }

  void write(RecordPasses<LabelledRecord>& passes, const Manifest& manifest,
             SplitWriters& writers) const {
    const TextSymbols symbols_of(*manifest.text, tokens_);
    passes.all("importing", [&](const LabelledRecord& record, size_t split) {
      const std::vector<int64_t> wide = symbols_of(record.text);
      const std::vector<int32_t> symbols(wide.begin(), wide.end());
      std::vector<StreamView> views = {{symbols.data(), static_cast<int64_t>(symbols.size())}};
      std::vector<int32_t> labels;
      for (const auto& [name, index] : order_) labels.push_back(class_of(record, index));
      for (const int32_t& label : labels) views.push_back({&label, 1});
      writers.append(split, views);
    });
  }

  int32_t class_of(const LabelledRecord& record, size_t index) const {
    const std::vector<std::string>& names = classes_[index];
    const auto found = std::lower_bound(names.begin(), names.end(), record.labels[index]);
    if (found == names.end() || *found != record.labels[index]) {
      throw Error(ExitCode::corrupt, fmt::format("the label \"{}\" is not in the training records",
                                                 record.labels[index]));
    }
    return static_cast<int32_t>(found - names.begin());
  }

  SplitFiles files_;
  SplitOptions split_;
  LabelledForm form_;
  TextOptions text_;
  Rejections rejections_;
  ShardLimits limits_;
  std::vector<std::string> tokens_;
  std::vector<std::vector<std::string>> classes_;  ///< of each target, sorted
  std::map<std::string, size_t> order_;            ///< of the targets in a shard
};

}  // namespace

DataToolEntry labelled_importer() {
  return {"labelled", "texts with labels, in tables or lines",
          "files whose records are divided by --split; or none, with --train",
          [] { return std::make_unique<LabelledImporter>(); }, /*source_is_optional=*/true};
}

}  // namespace lockstep
