// lockstep predict: JSON lines in, JSON lines out.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>

#include "launcher/ranks.h"
#include "launcher/verbs/verbs.h"
#include "trainer/session.h"

namespace lockstep {
namespace {

struct PredictOptions {
  PredictRequest request;
  std::string input = "-";
  std::string output = "-";
  std::filesystem::path data;
  std::string split = "test";
};

/// Where predictions go. A file gets its name only when it is complete.
class PredictionOutput {
 public:
  PredictionOutput(const std::string& name, std::ostream& standard) : standard_(standard) {
    if (name == "-") return;
    path_ = name;
    aside_ = fmt::format("{}.tmp-{}", name, ::getpid());
    file_.open(aside_, std::ios::binary | std::ios::trunc);
    if (!file_) {
      throw Error(ExitCode::save_failed,
                  fmt::format("{}: cannot be written: {}", name, std::strerror(errno)));
    }
  }
  ~PredictionOutput() {
    std::error_code ignored;
    if (!aside_.empty()) std::filesystem::remove(aside_, ignored);
  }
  PredictionOutput(const PredictionOutput&) = delete;
  PredictionOutput& operator=(const PredictionOutput&) = delete;

  std::ostream& stream() { return path_.empty() ? standard_ : file_; }

  void commit() {
    if (!stream().flush()) {
      throw Error(ExitCode::save_failed,
                  fmt::format("{}: not all predictions could be written",
                              path_.empty() ? "standard output" : path_.string()));
    }
    if (path_.empty()) return;
    file_.close();
    std::filesystem::rename(aside_, path_);
    aside_.clear();
  }

 private:
  std::ostream& standard_;
  std::filesystem::path path_;
  std::filesystem::path aside_;
  std::ofstream file_;
};

int64_t predict_lines(const PredictOptions& options, std::ostream& out) {
  if (options.input == "-") {
    std::ios::sync_with_stdio(false);  // else nobody knows whether more lines are waiting
    return predict(options.request, std::cin, out);
  }
  std::ifstream file(options.input, std::ios::binary);
  std::error_code ignored;
  if (!file || std::filesystem::is_directory(options.input, ignored)) {
    throw Error(ExitCode::missing, fmt::format("{}: cannot be opened as a file", options.input));
  }
  PredictRequest request = options.request;
  request.table = options.input;
  return predict(request, file, out);
}

int run_predict(const PredictOptions& options, std::ostream& out) {
  if (own_launch_environment().expected_world_size > 1) {
    throw Error(ExitCode::usage, "predict runs on one rank", "start it without mpirun or srun");
  }
  PredictionOutput output(options.output, out);
  const int64_t bad_lines = options.data.empty() ? predict_lines(options, output.stream())
                                                 : predict_split(options.request, options.data,
                                                                 options.split, output.stream());
  output.commit();
  if (bad_lines == 0) return 0;
  throw Error(
      ExitCode::corrupt,
      fmt::format("{} input line{} could not be used", bad_lines, bad_lines == 1 ? "" : "s"),
      "their output lines say why in \"error\"; the other lines are predicted");
}

constexpr const char* kFooter =
    "Each input line is one sequence: {\"id\": 7, \"inputs\": [[0.1, ...], ...]}, a list of\n"
    "numbers for each step. Each output line answers one, in order: {\"id\": 7, \"label\": "
    "\"3\",\n"
    "\"probabilities\": [...]}. A line that cannot be used gets {\"id\", \"error\"}, the rest "
    "goes\n"
    "on, and the exit code is 65.\n"
    "A language model scores {\"text\": ...} and continues {\"prompt\": ..., \"length\": 100,\n"
    "\"temperature\": 1, \"top_k\": 0, \"seed\": 1}. A recommender ranks items for\n"
    "{\"items\": [\"a\", \"b\"], \"candidates\": [...], \"top\": 20}. A forecaster reads a CSV "
    "file\n"
    "and writes the rows that follow.\n"
    "Classifiers of texts and translation models take lines of plain text, or {\"text\": ...}. "
    "A\n"
    "model of answers ranks those of {\"question\": ..., \"candidates\": [...]}, or of "
    "--index.\n\n"
    "Examples:\n"
    "  lockstep predict runs/mnist --input lines.jsonl --output predictions.jsonl\n"
    "  lockstep predict runs/mnist --data datasets/mnist --split test";

void add_source_options(CLI::App& verb, PredictOptions& options) {
  verb.add_option("SOURCE", options.request.source,
                  "Run folder (its newest intact checkpoint) or one checkpoint folder")
      ->required()
      ->type_name("RUN|CHECKPOINT");
  CLI::Option* input =
      verb.add_option("--input", options.input, "JSON lines to read, - for standard input")
          ->type_name("FILE|-")
          ->capture_default_str();
  verb.add_option("--output", options.output, "Where the JSON lines go, - for standard output")
      ->type_name("FILE|-")
      ->capture_default_str();
  CLI::Option* data =
      verb.add_option("--data", options.data, "Predict a split of this data set instead of lines")
          ->type_name("FOLDER")
          ->excludes(input);
  verb.add_option("--split", options.split, "Split of --data")
      ->type_name("NAME")
      ->needs(data)
      ->capture_default_str();
  verb.add_option("--device", options.request.device, "Where to compute")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}).description(""))
      ->type_name("auto|cpu|cuda")
      ->capture_default_str();
  verb.add_option("--batch-size", options.request.batch_size, "Sequences computed together")
      ->check(CLI::Range(1, 1 << 24).description(""))
      ->type_name("SEQUENCES")
      ->capture_default_str();
}

/// Whether one of these options was given.
using WasGiven = std::function<bool()>;

WasGiven add_writing_options(CLI::App& verb, WritingOptions& writing) {
  CLI::Option* beam =
      verb.add_option(
              "--beam", writing.beam_size,
              "Tasks that write texts: how many the search keeps; 0: as in the run's config")
          ->check(CLI::Range(0, 256).description(""))
          ->type_name("TEXTS")
          ->capture_default_str();
  CLI::Option* n_best =
      verb.add_option("--n-best", writing.n_best, "The same: how many an answer holds")
          ->check(CLI::Range(1, 256).description(""))
          ->type_name("TEXTS")
          ->capture_default_str();
  CLI::Option* attention = verb.add_flag("--attention", writing.attention,
                                         "The same: what each symbol of the text looked at");
  CLI::Option* stream =
      verb.add_option("--stream", writing.stream_steps,
                      "Task ctc: read so many steps at a time, as if they came one by one, and "
                      "tell what was heard when, and how long it took")
          ->check(CLI::Range(1, 1 << 20).description(""))
          ->type_name("STEPS");
  return [=] { return beam->count() + n_best->count() + attention->count() + stream->count() > 0; };
}

WasGiven add_index_options(CLI::App& verb, IndexOptions& index) {
  CLI::Option* index_file =
      verb.add_option("--index", index.file,
                      "Task answer_matching: answer from this file of JSON lines, {\"answer\": "
                      "..., \"question\": ..., \"id\": ...}")
          ->type_name("FILE");
  verb.add_option("--threshold", index.threshold, "The score that the model's answer must have")
      ->needs(index_file)
      ->type_name("SCORE")
      ->capture_default_str();
  verb.add_option("--text-threshold", index.text_threshold,
                  "Else the share of the best possible score that plain text retrieval must have")
      ->needs(index_file)
      ->type_name("SHARE")
      ->capture_default_str();
  verb.add_option("--top", index.top, "How many answers to give")
      ->needs(index_file)
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("ANSWERS")
      ->capture_default_str();
  return [=] { return index_file->count() > 0; };
}

}  // namespace

void add_predict(CLI::App& app, CommandLine& line, std::ostream& out) {
  CLI::App* verb = app.add_subcommand("predict", "Apply a trained model to sequences");
  const auto options = std::make_shared<PredictOptions>();
  add_source_options(*verb, *options);
  const auto writing = std::make_shared<WritingOptions>();
  const WasGiven writing_given = add_writing_options(*verb, *writing);
  const auto index = std::make_shared<IndexOptions>();
  const WasGiven index_given = add_index_options(*verb, *index);
  verb->footer(kFooter);
  verb->callback([&line, &out, options, writing, writing_given, index, index_given] {
    if (index_given()) options->request.index = *index;
    if (writing_given()) options->request.writing = *writing;
    line.action = [&out, options] { return run_predict(*options, out); };
  });
}

}  // namespace lockstep
