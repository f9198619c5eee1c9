#include "launcher/folds.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "data/base/atomic_file.h"
#include "data/base/error.h"

namespace lockstep {
namespace {

using nlohmann::ordered_json;

/// The figures of the test split of a finished fold.
ordered_json figures_of(const std::filesystem::path& run_dir, int64_t fold,
                        const std::string& split) {
  const std::filesystem::path file = fold_dir(run_dir, fold) / "result.json";
  try {
    return ordered_json::parse(read_file(file)).at(split);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ExitCode::corrupt, fmt::format("{}: {}", file.string(), error.what()),
                "remove the fold's folder and run the same command again");
  }
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// Of a sample: divided by one less than there are.
double deviation_of(const std::vector<double>& values) {
  double sum = 0;
  const double mean = mean_of(values);
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

void report(const std::filesystem::path& run_dir, int64_t folds, const std::string& split,
            std::ostream& out) {
  std::vector<ordered_json> figures;
  for (int64_t fold = 0; fold < folds; ++fold) {
    figures.push_back(figures_of(run_dir, fold, split));
  }
  ordered_json together = {{"folds", folds}, {"metrics", ordered_json::object()}};
  out << fmt::format("{} folds:\n", folds);
  for (const auto& [name, first] : figures.front().items()) {
    if (name == "step" || name == "samples") continue;
    std::vector<double> values;
    for (const ordered_json& one : figures) {
      const ordered_json& value = one.at(name);
      values.push_back(value.is_number() ? value.get<double>() : NAN);
    }
    const double mean = mean_of(values), deviation = deviation_of(values);
    out << fmt::format("  {} {:<18} {:.4f} +- {:.4f}\n", split, name, mean, deviation);
    together["metrics"][name] = {{"mean", mean}, {"deviation", deviation}, {"values", values}};
  }
  out.flush();
  write_file_atomically(run_dir / "folds.json", together.dump(2) + "\n");
}

}  // namespace

std::filesystem::path fold_dir(const std::filesystem::path& run_dir, int64_t fold) {
  return run_dir / fmt::format("fold-{}", fold);
}

int train_folds(const RunConfig& config, const std::filesystem::path& run_dir, int64_t folds,
                const std::function<int(const RunConfig&)>& train_fold, Communicator& communicator,
                std::ostream& out) {
  for (int64_t fold = 0; fold < folds; ++fold) {
    RunConfig one = config;
    one.data.folds = folds;
    one.data.fold = fold;
    one.run.dir = fold_dir(run_dir, fold).string();
    const int exit_code = train_fold(one);
    if (exit_code != 0) return exit_code;
  }
  together(communicator, [&] {
    if (communicator.is_root()) report(run_dir, folds, config.data.test_split, out);
  });
  return 0;
}

}  // namespace lockstep
