#include "trainer/sample_log.h"

#include <fmt/ranges.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "data/base/atomic_file.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& run_dir) {
  return run_dir / "samples";
}

bool is_whole_and_before(const std::string& line, int64_t step) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("step") && json["step"].is_number_integer() &&
         json["step"] <= step;
}

}  // namespace

void SampleLog::cut_after(const fs::path& run_dir, int64_t step) {
  fs::create_directories(folder_of(run_dir));
  const std::vector<fs::directory_entry> entries{fs::directory_iterator(folder_of(run_dir)), {}};
  for (const fs::directory_entry& entry : entries) {
    if (entry.path().extension() != ".jsonl") {  // a crash came while this was at work
      fs::remove(entry.path());
      continue;
    }
    std::ifstream file(entry.path());
    std::string kept;
    for (std::string line; std::getline(file, line);) {
      if (is_whole_and_before(line, step)) kept += line + "\n";
    }
    write_file_atomically(entry.path(), kept);
  }
}

SampleLog::SampleLog(const fs::path& run_dir, int rank)
    : file_(folder_of(run_dir) / fmt::format("rank-{:05}.jsonl", rank)) {}

void SampleLog::add(int64_t step, int64_t epoch, const std::vector<int64_t>& samples) {
  line_.clear();
  fmt::format_to(std::back_inserter(line_), "{{\"step\": {}, \"epoch\": {}, \"samples\": [{}]}}\n",
                 step, epoch, fmt::join(samples, ", "));
  file_.append(line_);
}

}  // namespace lockstep
