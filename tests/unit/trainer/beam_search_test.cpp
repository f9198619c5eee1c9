// The search against all texts of a small made-up model, and the corners of its bookkeeping.
#include "trainer/model/beam_search.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

namespace lockstep {
namespace {

using torch::Tensor;

/// Log-probabilities depend on the source and the last two symbols: a beam that follows the wrong
/// text gets other ones.
class MadeUpModel : public BeamModel {
 public:
  MadeUpModel(int64_t sources, int64_t beam, int64_t symbols)
      : beam_(beam), symbols_(symbols), before_(sources * beam, 0) {
    for (int64_t source = 0; source < sources; ++source) sources_.push_back(source);
  }

  Tensor row(int64_t source, int64_t before, int64_t last) const {
    torch::manual_seed(source * 100 + before * 10 + last);
    return torch::randn({symbols_}).mul_(2).log_softmax(0);
  }
  Tensor next(const Tensor& symbols_N) override {
    last_.assign(symbols_N.const_data_ptr<int64_t>(),
                 symbols_N.const_data_ptr<int64_t>() + symbols_N.numel());
    std::vector<Tensor> rows;
    for (size_t n = 0; n < last_.size(); ++n) {
      rows.push_back(row(sources_[n / static_cast<size_t>(beam_)], before_[n], last_[n]));
    }
    return torch::stack(rows);
  }
  void select(const Tensor& texts, const Tensor& sources) override {
    before_ = pick(last_, texts);
    sources_ = pick(sources_, sources);
  }

 private:
  static std::vector<int64_t> pick(const std::vector<int64_t>& from, const Tensor& places) {
    std::vector<int64_t> picked;
    for (int64_t i = 0; i < places.numel(); ++i) {
      picked.push_back(from.at(static_cast<size_t>(places[i].item<int64_t>())));
    }
    return picked;
  }

  int64_t beam_, symbols_;
  std::vector<int64_t> sources_, before_, last_;
};

/// The best score of all texts of a source that end within `limit` symbols.
double best_of_all(const MadeUpModel& model, int64_t source, int64_t limit, double penalty,
                   int64_t before = 0, int64_t last = 0, double sum = 0, int64_t length = 1) {
  const Tensor row = model.row(source, before, last);
  double best = -INFINITY;
  for (int64_t symbol = 0; symbol < row.numel(); ++symbol) {
    const double all = sum + row[symbol].item<double>();
    const bool ends = symbol == 0 || length == limit;
    const double score =
        ends ? all / std::pow((5.0 + static_cast<double>(length)) / 6, penalty)
             : best_of_all(model, source, limit, penalty, last, symbol, all, length + 1);
    best = std::max(best, score);
  }
  return best;
}

TEST(BeamSearchTest, AWideBeamFindsTheBestOfAllTexts) {
  constexpr int64_t kBeam = 81;
  const std::vector<int64_t> limits = {4, 1, 3};
  for (const double penalty : {0.0, 1.0}) {
    MadeUpModel model(3, kBeam, 3);
    const auto results = beam_search(model, {kBeam, penalty, 0}, limits);
    ASSERT_EQ(results.size(), 3u);
    for (size_t source = 0; source < 3; ++source) {
      EXPECT_NEAR(results[source].front().score,
                  best_of_all(model, static_cast<int64_t>(source), limits[source], penalty), 1e-5)
          << source;
    }
  }
}

TEST(BeamSearchTest, OneTextTakesTheMostProbableSymbol) {
  MadeUpModel model(1, 1, 4);
  const Hypothesis text = beam_search(model, {1, 1, 0}, {6}).front().front();
  int64_t before = 0, last = 0;
  std::vector<int64_t> symbols;
  while (symbols.size() < 6) {
    const int64_t next = model.row(0, before, last).argmax().item<int64_t>();
    if (next == 0) break;
    symbols.push_back(next);
    before = last;
    last = next;
  }
  EXPECT_EQ(text.symbols, symbols);
}

TEST(BeamSearchTest, ScoresFallAndTextsDiffer) {
  MadeUpModel model(2, 5, 4);
  for (const auto& texts : beam_search(model, {5, 1, 0}, {8, 8})) {
    for (size_t i = 1; i < texts.size(); ++i) {
      EXPECT_GE(texts[i - 1].score, texts[i].score);
      EXPECT_NE(texts[i - 1].symbols, texts[i].symbols);
    }
  }
}

}  // namespace
}  // namespace lockstep
