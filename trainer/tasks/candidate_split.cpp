#include "trainer/tasks/candidate_split.h"

#include <algorithm>

#include "data/base/error.h"
#include "data/convert.h"

namespace lockstep {

namespace {

/// Streams of a data set of `lockstep data import pairs`.
enum CandidateStream : size_t { kInputs, kAnswers, kLengths, kMatch, kRight };

template <class T>
std::vector<T> read_stream(const Split& split, int64_t id, size_t stream) {
  const int64_t features = std::max<int64_t>(1, split.streams()[stream].features);
  std::vector<T> values(static_cast<size_t>(split.length(id, stream) * features));
  split.read(id, stream, values.data());
  return values;
}

}  // namespace

std::vector<TextSymbolNumbers> candidates_of(const Split& split, int64_t question) {
  const auto symbols = read_stream<int32_t>(split, question, kAnswers);
  std::vector<TextSymbolNumbers> candidates;
  auto symbol = symbols.begin();
  for (const int32_t length : read_stream<int32_t>(split, question, kLengths)) {
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
  const auto inputs = read_stream<int32_t>(split, question, kInputs),
             answers = read_stream<int32_t>(split, question, kAnswers);
  const auto lengths = read_stream<int32_t>(split, question, kLengths);
  const auto match = read_stream<int16_t>(split, question, kMatch);
  const auto right = read_stream<uint8_t>(split, question, kRight);
  const auto column = [](const auto& values, int64_t features) {
    return torch::tensor(std::vector<float>(values.begin(), values.end()), torch::kFloat32)
        .view({-1, 1, features});
  };
  DeviceBatch batch;
  batch.inputs =
      torch::tensor(std::vector<int64_t>(inputs.begin(), inputs.end()), torch::kInt64).unsqueeze(1);
  batch.lengths = {static_cast<int64_t>(inputs.size())};
  batch.sample_ids = {question};
  batch.targets["answers"] =
      torch::tensor(std::vector<int64_t>(answers.begin(), answers.end()), torch::kInt64)
          .unsqueeze(1);
  batch.targets["lengths"] = column(lengths, 1);
  batch.targets["match"] = column(match, 2);
  batch.targets["right"] = column(right, 1);
  return batch;
}

}  // namespace lockstep
