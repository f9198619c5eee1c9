// Options that several verbs share.
#include <CLI/CLI.hpp>

#include "launcher/verbs/verbs.h"

namespace lockstep {
namespace {

/// An override must be told from a forgotten option before any file is read.
std::string check_override(const std::string& word) {
  const size_t equals = word.find('=');
  const bool fits = equals != std::string::npos && equals > 0 && word[0] != '-';
  return fits ? std::string() : "\"" + word + "\" is neither an option nor key=value";
}

}  // namespace

void add_run_file_options(CLI::App& verb, RunFileOptions& options) {
  verb.add_option("CONFIG", options.config, "Run file (YAML); see `lockstep config reference`")
      ->required()
      ->type_name("");
  verb.add_option("OVERRIDES", options.overrides,
                  "Values instead of those in the file, as in batch.size=128; a later one wins")
      ->check(CLI::Validator(check_override, "", ""))
      ->type_name("key=value");
}

void add_ranks_option(CLI::App& verb, std::optional<int>& ranks) {
  verb.add_option_function<int>(
          "-n,--ranks", [&ranks](const int& value) { ranks = value; },
          "Ranks to start on this host; default: run.world_size, else one per GPU, else 1")
      ->type_name("RANKS")
      ->check(CLI::Range(1, 65536).description(""));
}

std::vector<std::string> words_to_continue(const std::vector<std::string>& words) {
  std::vector<std::string> kept;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i].rfind("--resume=", 0) == 0) continue;
    words[i] == "--resume" ? void(++i) : kept.push_back(words[i]);
  }
  kept.insert(kept.end(), {"--resume", "auto"});
  return kept;
}

}  // namespace lockstep
