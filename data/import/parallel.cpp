#include "data/import/parallel.h"

#include <algorithm>
#include <array>
#include <optional>

#include "data/base/error.h"
#include "data/import/line_reader.h"
#include "data/import/record_passes.h"
#include "data/import/split_writers.h"
#include "data/import/text_options.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEndToken = "<eos>";

/// Two files of as many lines; without a split their lines are divided.
struct TextPair {
  fs::path source;
  fs::path target;
  std::optional<size_t> split;
};

struct LinePair {
  std::string source;
  std::string target;
  std::string problem;  ///< empty when both are text
};

std::string problem_in_pair(const LineReader& source, const LineReader& target) {
  if (!source.problem().empty()) return source.problem();
  if (target.problem().empty()) return {};
  return fmt::format("{}: {}", target.place(), target.problem());
}

using VisitPair = RecordPasses<LinePair>::Visit;

void read_pair(const TextPair& files, TextEncoding encoding, const VisitPair& visit) {
  LineReader sources(files.source, encoding);
  LineReader targets(files.target, encoding);
  LinePair pair;
  for (;;) {
    const bool more = sources.next(pair.source);
    if (targets.next(pair.target) != more) {
      throw Error(ExitCode::corrupt,
                  fmt::format("{} and {} have different numbers of lines: only {} has a line {}",
                              files.source.string(), files.target.string(),
                              (more ? files.source : files.target).string(), sources.number()),
                  "line i of one must be the translation of line i of the other");
    }
    if (!more) return;
    pair.problem = problem_in_pair(sources, targets);
    visit({files.source, sources.number(), files.split}, pair);
  }
}

class ParallelImporter : public DataTool {
 public:
  void describe(Fields& fields) override {
    for (size_t split = 0; split < kSplitNames.size(); ++split) {
      const std::string name = kSplitNames[split];
      fields.add(name + "_source", files_[split].source,
                 fmt::format("file of the texts of the split \"{}\"", name));
      fields.add(name + "_target", files_[split].target, "file of their translations");
    }
    split_.describe(fields, {"random", "position"});
    fields.add("encoding", encoding_, "of the files").one_of(text_encoding_names());
    text_.describe(fields);
    fields.add("joint", joint_, "one vocabulary for both languages");
    fields
        .add("max_ratio", max_ratio_,
             "pairs in which one text has more than this many times the other's tokens are "
             "rejected; 0: none is")
        .at_least(0);
    rejections_.describe(fields);
    describe_compression(fields, limits_.compression);
  }

  void run(const std::vector<fs::path>& paths, const fs::path& out,
           const Progress& progress) override {
    const std::vector<TextPair> pairs = find_pairs(paths);
    const SplitRule rule = split_.rule();
    RecordPasses<LinePair> passes(
        [&](const auto& visit) {
          for (const TextPair& pair : pairs) read_pair(pair, text_encoding_of(encoding_), visit);
        },
        rejections_, progress);
    StagedFolder folder(out);
    Manifest manifest;
    manifest.source = name_pairs(pairs);
    learn(passes, rule, manifest);
    SplitWriters writers(folder.path(), wanted(pairs, rule), manifest.streams, limits_);
    write(passes, manifest, writers);
    manifest.splits = writers.finish();
    write_manifest(folder.path(), manifest);
    folder.commit();
  }

  const Rejections* rejections() const override { return &rejections_; }

 private:
  struct FilePair {
    std::string source, target;
  };

  std::vector<TextPair> find_pairs(const std::vector<fs::path>& paths) const {
    std::vector<TextPair> pairs;
    for (size_t split = 0; split < files_.size(); ++split) {
      const FilePair& files = files_[split];
      if (files.source.empty() != files.target.empty()) {
        throw Error(ExitCode::usage,
                    fmt::format("--{0}-source and --{0}-target go together", kSplitNames[split]));
      }
      if (!files.source.empty()) pairs.push_back({files.source, files.target, split});
    }
    if (paths.empty() == pairs.empty() || (!paths.empty() && paths.size() != 2) ||
        (paths.empty() && pairs.front().split != size_t{0})) {
      throw Error(ExitCode::usage,
                  "give either two SOURCEs or --train-source and --train-target (and those of "
                  "validation and test)");
    }
    if (!paths.empty()) pairs.push_back({paths[0], paths[1], std::nullopt});
    return pairs;
  }

  static std::string name_pairs(const std::vector<TextPair>& pairs) {
    std::string names;
    for (const TextPair& pair : pairs) {
      names += fmt::format("{}{}{} and {}", names.empty() ? "" : ", ",
                           pair.split ? fmt::format("{} from ", kSplitNames[*pair.split]) : "",
                           pair.source.filename().string(), pair.target.filename().string());
    }
    return names;
  }

  static std::vector<size_t> wanted(const std::vector<TextPair>& pairs, const SplitRule& rule) {
    std::vector<SplitSource> sources;
    for (const TextPair& pair : pairs) sources.push_back({pair.source, pair.split});
    return wanted_splits(sources, rule.shares);
  }

  /// Divides the pairs and learns both vocabularies.
  void learn(RecordPasses<LinePair>& passes, const SplitRule& rule, Manifest& manifest) const {
    TextLearner source(text_, kEndToken);
    TextLearner target(text_, kEndToken);
    TextLearner& target_or_both = joint_ ? source : target;
    passes.plan(rule, [&](const LinePair& pair) {
      if (!pair.problem.empty()) throw Error(ExitCode::corrupt, pair.problem);
      source.check(pair.source);
      target.check(pair.target);
      return 0;
    });
    passes.train("learning tokens", [&](const LinePair& pair) {
      source.add(pair.source);
      target_or_both.add(pair.target);
    });
    const LearnedText inputs = source.finish(joint_ ? "text.model" : "inputs.model");
    const LearnedText targets = joint_ ? inputs : target.finish("target.model");
    manifest.streams = {inputs.schema("inputs"), targets.schema("target")};
    manifest.text = inputs.info;
    manifest.target_text["target"] = targets.info;
  }

  void write(RecordPasses<LinePair>& passes, const Manifest& manifest,
             SplitWriters& writers) const {
    const TextSymbols source(*manifest.text, manifest.streams[0].labels);
    const TextSymbols target(manifest.target_text.at("target"), manifest.streams[1].labels);
    passes.all("importing", [&](const LinePair& pair, size_t split) {
      const std::vector<int32_t> inputs = with_end(source, pair.source);
      const std::vector<int32_t> targets = with_end(target, pair.target);
      check_ratio(inputs.size() - 1, targets.size() - 1);
      writers.append(split, {{inputs.data(), static_cast<int64_t>(inputs.size())},
                             {targets.data(), static_cast<int64_t>(targets.size())}});
    });
  }

  static std::vector<int32_t> with_end(const TextSymbols& symbols_of, const std::string& text) {
    const std::vector<int64_t> wide = symbols_of(text);
    std::vector<int32_t> symbols(wide.begin(), wide.end());
    symbols.push_back(static_cast<int32_t>(symbols_of.end()));
    return symbols;
  }

  void check_ratio(size_t source, size_t target) const {
    const auto [shorter, longer] = std::minmax(source, target);
    if (max_ratio_ == 0 || static_cast<double>(longer) <= max_ratio_ * static_cast<double>(shorter))
      return;
    throw Error(ExitCode::corrupt,
                fmt::format("has {} tokens, and its translation {}", source, target));
  }

  std::array<FilePair, kSplitNames.size()> files_;
  SplitOptions split_;
  std::string encoding_ = "utf-8";
  TextOptions text_;
  bool joint_ = false;
  double max_ratio_ = 0;
  Rejections rejections_;
  ShardLimits limits_;
};

}  // namespace

DataToolEntry parallel_importer() {
  return {"parallel", "texts and their translations, in files of as many lines",
          "a file of texts and one of their translations, divided by --split; or none, with "
          "--train-source and --train-target",
          [] { return std::make_unique<ParallelImporter>(); }, /*source_is_optional=*/true};
}

}  // namespace lockstep
