#include "data/import/symbols.h"

#include <algorithm>

#include "data/base/error.h"
#include "data/import/alphabet.h"
#include "data/import/label_set.h"
#include "data/import/record_passes.h"
#include "data/import/split_writers.h"
#include "data/import/symbol_reader.h"
#include "data/staged_folder.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnknownKmer = "<unk>";

class SymbolsImporter : public DataTool {
 public:
  void describe(Fields& fields) override {
    files_.describe(fields);
    split_.describe(fields, {"random", "label", "group", "position"});
    fields
        .add("form", form_,
             "fasta; three-line (header, letters, labels); table (a line per sequence); per-line "
             "(a line per letter with its label)")
        .one_of({"fasta", "three-line", "table", "per-line"});
    fields.add("alphabet", info_.alphabet, "letters that are told apart, by IUPAC")
        .one_of({"dna", "protein"});
    fields.add("label_from", label_from_,
               "of fasta: what headers say, such as \"{name} {label}\"; {group} may be used too");
    fields.add("columns", columns_,
               "of table: label, name, group, skip and sequence in the order of the fields; the "
               "sequence may be one field or one per letter");
    fields.add("width", width_, "letters that every sequence must have; 0: any number").at_least(0);
    fields.add("kmer", info_.kmer, "letters of one symbol; symbols overlap by all but one")
        .at_least(1)
        .at_most(16);
    fields.add("strict", strict_,
               "reject sequences with letters that the alphabet lacks, instead of reading them as "
               "its letter for any (N or X)");
    describe_compression(fields, limits_.compression);
    rejections_.describe(fields);
  }

  const Rejections* rejections() const override { return &rejections_; }

  void run(const std::vector<fs::path>& sources, const fs::path& out,
           const Progress& progress) override {
    const SplitRule rule = split_.rule();
    const std::vector<SplitSource> files = find_sources(sources, files_);
    prepare();
    StagedFolder folder(out);
    RecordPasses<SymbolRecord> passes(read_all(files), rejections_, progress);
    passes.plan(rule, key_function(rule.by));
    Manifest manifest;
    learn(passes, manifest);
    SplitWriters writers(folder.path(), wanted_splits(files, rule.shares), manifest.streams,
                         limits_);
    passes.all("importing",
               [&](const SymbolRecord& record, size_t split) { write(record, split, writers); });
    manifest.splits = writers.finish();
    manifest.source = fmt::format("{} ({} letters outside of the alphabet)", name_sources(files),
                                  unknown_letters_);
    write_manifest(folder.path(), manifest);
    folder.commit();
  }

 private:
  void prepare() {
    alphabet_ = std::make_unique<Alphabet>(info_.alphabet);
    source_.form = symbol_form_of(form_);
    source_.columns = columns_;
    if (source_.form == SymbolForm::table) check_columns(columns_);
    if (!label_from_.empty()) source_.header.emplace(label_from_);
    if (source_.form == SymbolForm::fasta && !(source_.header && source_.header->has("label"))) {
      throw Error(ExitCode::usage, "nothing says where labels are in the headers",
                  "give --label-from, for example \"{name} {label}\"; or --form three-line");
    }
  }

  RecordPasses<SymbolRecord>::ReadAll read_all(const std::vector<SplitSource>& files) const {
    return [this, files](const RecordPasses<SymbolRecord>::Visit& visit) {
      for (const SplitSource& source : files) {
        read_symbol_records(source.file, source_, [&](const SymbolRecord& record) {
          visit(RecordPlace{source.file, record.line, source.split}, record);
        });
      }
    };
  }

  std::function<int64_t(const SymbolRecord&)> key_function(SplitBy by) {
    return [this, by, numbers = NameNumbers()](const SymbolRecord& record) mutable -> int64_t {
      check(record);
      if (by == SplitBy::group) return numbers.of(record.group);
      return by == SplitBy::label ? numbers.of(record.labels.front()) : 0;
    };
  }

  /// Throws Error(corrupt) for a sequence that cannot be used.
  void check(const SymbolRecord& record) {
    const auto letters = static_cast<int64_t>(record.letters.size());
    const auto labels = static_cast<int64_t>(record.labels.size());
    const auto reject = [](const std::string& why) { throw Error(ExitCode::corrupt, why); };
    if (!record.problem.empty()) reject(record.problem);
    if (letters < info_.kmer)
      reject(fmt::format("has {} letters; a symbol has {}", letters, info_.kmer));
    if (width_ > 0 && letters != width_)
      reject(fmt::format("has {} letters, not {}", letters, width_));
    const int64_t expected = source_.labels_each_letter() ? letters : 1;
    if (labels != expected) reject(fmt::format("has {} labels for {} letters", labels, letters));
    if (record.labels.front().empty()) reject("has no label");
    const auto known = [&](char letter) { return alphabet_->knows(letter); };
    const auto unknown = std::find_if_not(record.letters.begin(), record.letters.end(), known);
    if (strict_ && unknown != record.letters.end()) {
      reject(fmt::format("letter {} (byte {:#04x}) is not in the alphabet",
                         unknown - record.letters.begin() + 1,
                         static_cast<unsigned>(static_cast<unsigned char>(*unknown))));
    }
    unknown_letters_ +=
        letters - std::count_if(record.letters.begin(), record.letters.end(), known);
  }

  void learn(RecordPasses<SymbolRecord>& passes, Manifest& manifest) {
    LabelSet labels;
    VocabularyCounter kmers;
    passes.train("reading labels", [&](const SymbolRecord& record) {
      for (const std::string& label : record.labels) labels.add(label);
      if (info_.kmer > 1) {
        for (const std::string& kmer : kmers_of(record)) kmers.add(kmer);
      }
    });
    labels_ = std::make_unique<Vocabulary>(labels.finish());
    if (info_.kmer > 1) {
      inputs_ = std::make_unique<Vocabulary>(kmers.most_frequent({kUnknownKmer}, 0), kUnknownKmer);
    } else {
      std::vector<std::string> letters;
      for (const char letter : alphabet_->letters()) letters.emplace_back(1, letter);
      inputs_ = std::make_unique<Vocabulary>(std::move(letters));
    }
    manifest.symbols = info_;
    manifest.streams = {symbol_stream("inputs", *inputs_), symbol_stream("classes", *labels_)};
  }

  std::vector<std::string> kmers_of(const SymbolRecord& record) const {
    return alphabet_->kmers(record.letters, info_.kmer);
  }

  void write(const SymbolRecord& record, size_t split, SplitWriters& writers) const {
    std::vector<int32_t> symbols;
    for (const std::string& kmer : kmers_of(record)) {
      symbols.push_back(static_cast<int32_t>(inputs_->find(kmer)));
    }
    std::vector<int32_t> labels;
    if (source_.labels_each_letter()) {
      // A k-mer has the label of the letter in its middle.
      const auto middle = static_cast<size_t>(info_.kmer / 2);
      for (size_t i = 0; i < symbols.size(); ++i) {
        labels.push_back(label_number(*labels_, record.labels[i + middle]));
      }
    } else {
      labels.push_back(label_number(*labels_, record.labels.front()));
    }
    writers.append(split, {{symbols.data(), static_cast<int64_t>(symbols.size())},
                           {labels.data(), static_cast<int64_t>(labels.size())}});
  }

  SplitFiles files_;
  SplitOptions split_;
  std::string form_ = "fasta";
  SymbolsInfo info_{"dna", 1};
  std::string label_from_;
  std::vector<std::string> columns_{"label", "name", "sequence"};
  int64_t width_ = 0;
  bool strict_ = false;
  ShardLimits limits_;
  Rejections rejections_;

  std::unique_ptr<Alphabet> alphabet_;
  SymbolSource source_;
  int64_t unknown_letters_ = 0;
  std::unique_ptr<Vocabulary> inputs_, labels_;
};

}  // namespace

DataToolEntry symbols_importer() {
  return {"symbols", "DNA, RNA or protein sequences with a label each, or one per letter",
          "files, divided by --split; or none, with --train",
          [] { return std::make_unique<SymbolsImporter>(); }, /*source_is_optional=*/true};
}

}  // namespace lockstep
