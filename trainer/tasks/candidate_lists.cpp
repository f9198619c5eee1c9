#include "trainer/tasks/candidate_lists.h"

#include <algorithm>

#include "data/base/error.h"
#include "data/mix.h"

namespace lockstep {

using torch::Tensor;

namespace {

/// More candidates than any question has.
constexpr int64_t kIdsOfSample = int64_t{1} << 20;

/// Rows of all candidates, on the CPU.
struct Streams {
  Tensor answers_TB, lengths_CB, match_TB2, right_CB;
};

Streams streams_of(const DeviceBatch& batch) {
  const auto cpu = [&](const char* name) { return batch.target(name).cpu().contiguous(); };
  return {cpu("answers"), cpu("lengths").squeeze(2), cpu("match"), cpu("right").squeeze(2)};
}

float identity_of(const int64_t* symbols, int64_t stride, int64_t length) {
  uint64_t hash = static_cast<uint64_t>(length);
  for (int64_t t = 0; t < length; ++t) {
    hash = mix64(hash, static_cast<uint64_t>(symbols[t * stride]));
  }
  return static_cast<float>(hash >> 40);
}

void add_question(const Streams& streams, const DeviceBatch& batch, int64_t b,
                  std::vector<int64_t>& begins, CandidateLists& lists) {
  const auto lengths = streams.lengths_CB.accessor<float, 2>();
  const auto right = streams.right_CB.accessor<float, 2>();
  const auto match = streams.match_TB2.accessor<float, 3>();
  const int64_t stride = streams.answers_TB.size(1);
  const int64_t* symbols = streams.answers_TB.const_data_ptr<int64_t>() + b;
  int64_t begin = 0;
  for (int64_t c = 0; c < lengths.size(0) && lengths[c][b] > 0; ++c) {
    const auto length = static_cast<int64_t>(lengths[c][b]);
    if (begin + length > streams.answers_TB.size(0)) {
      throw Error(ExitCode::corrupt, "the stream \"lengths\" does not fit \"answers\"",
                  "make the data set again with `lockstep data import pairs`");
    }
    MatchedAnswer matched;
    for (int64_t t = begin; t < begin + length; ++t) {
      matched.words.push_back(static_cast<int64_t>(match[t][b][0]));
      matched.stems.push_back(static_cast<int64_t>(match[t][b][1]));
    }
    lists.matched.push_back(std::move(matched));
    lists.identity.push_back(identity_of(symbols + begin * stride, stride, length));
    lists.lengths.push_back(length);
    lists.owners.push_back(b);
    lists.right.push_back(right[c][b] > 0);
    lists.ids.push_back(batch.sample_ids[static_cast<size_t>(b)] * kIdsOfSample + c);
    begins.push_back(begin);
    begin += length;
  }
}

void copy_tokens(const Streams& streams, const std::vector<int64_t>& begins,
                 CandidateLists& lists) {
  const int64_t time =
      lists.size() == 0 ? 0 : *std::max_element(lists.lengths.begin(), lists.lengths.end());
  lists.answers_TN = torch::full({time, lists.size()}, kPaddingSymbol, torch::kInt64);
  lists.match_TN2 = torch::zeros({time, lists.size(), 2});
  auto answers = lists.answers_TN.accessor<int64_t, 2>();
  auto shared = lists.match_TN2.accessor<float, 3>();
  const auto source = streams.answers_TB.accessor<int64_t, 2>();
  for (int64_t n = 0; n < lists.size(); ++n) {
    const auto i = static_cast<size_t>(n);
    for (int64_t t = 0; t < lists.lengths[i]; ++t) {
      const auto at = static_cast<size_t>(t);
      answers[t][n] = source[begins[i] + t][lists.owners[i]];
      shared[t][n][0] = lists.matched[i].words[at] > 0 ? 1.0F : 0.0F;
      shared[t][n][1] = lists.matched[i].stems[at] > 0 ? 1.0F : 0.0F;
    }
  }
}

}  // namespace

CandidateLists candidate_lists(const DeviceBatch& batch) {
  CandidateLists lists;
  const Streams streams = streams_of(batch);
  std::vector<int64_t> begins;
  lists.first.push_back(0);
  for (int64_t b = 0; b < batch.size(); ++b) {
    add_question(streams, batch, b, begins, lists);
    lists.first.push_back(lists.size());
  }
  copy_tokens(streams, begins, lists);
  lists.answers_TN = lists.answers_TN.to(batch.inputs.device());
  lists.match_TN2 = lists.match_TN2.to(batch.inputs.device());
  return lists;
}

}  // namespace lockstep
