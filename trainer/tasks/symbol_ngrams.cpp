#include "trainer/tasks/symbol_ngrams.h"

#include "data/base/error.h"

namespace lockstep {

using torch::Tensor;

SymbolNgrams::SymbolNgrams(int64_t symbols, int64_t order) : symbols_(symbols), contexts_(1) {
  for (int64_t n = 1;; ++n) {
    if (contexts_ > kMostNumbers / (symbols + 1)) {
      throw Error(ExitCode::config,
                  fmt::format("model.ngram: a table of sequences of {} out of {} symbols is too "
                              "large",
                              order, symbols),
                  fmt::format("{} is the longest here", n - 1));
    }
    counts_.push_back(torch::zeros({contexts_, symbols + 1}, torch::kFloat64));
    if (n == order) return;
    contexts_ *= symbols + 1;
  }
}

void SymbolNgrams::add(const std::vector<int64_t>& sequence) {
  int64_t context = first_context();
  for (size_t i = 0; i <= sequence.size(); ++i) {
    const int64_t symbol = i < sequence.size() ? sequence[i] : symbols_;
    for (const Tensor& counts : counts_) {  // the last digits are the context of a lower order
      counts.data_ptr<double>()[context % counts.size(0) * (symbols_ + 1) + symbol] += 1;
    }
    context = next_context(context, symbol);
  }
}

Tensor SymbolNgrams::table() const {
  const auto outcomes = static_cast<double>(symbols_ + 1);
  Tensor p = torch::full({1, symbols_ + 1}, 1 / outcomes, torch::kFloat64);
  for (const Tensor& counts : counts_) {
    const Tensor lower = p.repeat({counts.size(0) / p.size(0), 1});
    const Tensor seen = counts.sum(1, /*keepdim=*/true);
    const Tensor kinds = counts.gt(0).sum(1, /*keepdim=*/true).to(torch::kFloat64);
    p = torch::where(seen > 0, (counts + kinds * lower) / (seen + kinds).clamp_min(1), lower);
  }
  return p.log().to(torch::kFloat32);
}

}  // namespace lockstep
