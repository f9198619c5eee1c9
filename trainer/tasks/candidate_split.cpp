#include "trainer/tasks/candidate_split.h"

#include "data/base/error.h"

namespace lockstep {

namespace {

/// Streams of a data set of `lockstep data import pairs`.
enum CandidateStream : size_t { kInputs, kAnswers, kLengths, kMatch, kRight };

}  // namespace

std::vector<TextSymbolNumbers> candidates_of(const Split& split, int64_t question) {
  const std::vector<int64_t> symbols = split.symbols(question, kAnswers);
  std::vector<TextSymbolNumbers> candidates;
  auto symbol = symbols.begin();
  for (const float number : split.numbers(question, kLengths)) {
    const auto length = static_cast<int64_t>(number);
    if (length < 0 || symbols.end() - symbol < length) {
      throw Error(ExitCode::corrupt,
                  fmt::format("an answer of question {} of the split {} is cut off", question,
                              split.name()),
                  "make the data set again with `lockstep data import pairs`");
    }
    candidates.emplace_back(symbol, symbol + length);
    symbol += length;
  }
  return candidates;
}

DeviceBatch batch_of_question(const Split& split, int64_t question) {
  const auto symbols = [&](size_t stream) {
    return torch::tensor(split.symbols(question, stream), torch::kInt64).unsqueeze(1);
  };
  const auto numbers = [&](size_t stream, int64_t features) {
    return torch::tensor(split.numbers(question, stream), torch::kFloat32).view({-1, 1, features});
  };
  DeviceBatch batch;
  batch.inputs = symbols(kInputs);
  batch.lengths = {batch.inputs.size(0)};
  batch.sample_ids = {question};
  batch.targets["answers"] = symbols(kAnswers);
  batch.targets["lengths"] = numbers(kLengths, 1);
  batch.targets["match"] = numbers(kMatch, 2);
  batch.targets["right"] = numbers(kRight, 1);
  return batch;
}

}  // namespace lockstep
