// T time, B batch, V vocabulary, R rows, C outputs, N lengths of n-grams, S = N * T.
#include "trainer/model/ngram_bag.h"

#include <fmt/format.h>

#include "data/mix.h"

namespace lockstep {

using torch::Tensor;

namespace {

/// Hashes are polynomials modulo this prime, 2^31 - 1; with the multiplier below no product of
/// theirs leaves 64 bits.
constexpr int64_t kModulus = 2147483647, kMultiplier = 1000003;
constexpr int64_t kNone = -1;

int64_t hash_of(const std::string& label) {
  uint64_t hash = 0;
  for (const char byte : label) hash = mix64(hash, static_cast<unsigned char>(byte));
  return static_cast<int64_t>(hash % (kModulus - 1)) + 1;
}

Tensor hashes_of(int64_t vocabulary, const std::vector<std::string>& labels) {
  std::vector<int64_t> hashes;
  hashes.reserve(static_cast<size_t>(vocabulary));
  for (int64_t symbol = 0; symbol < vocabulary; ++symbol) {
    const auto place = static_cast<size_t>(symbol);
    hashes.push_back(hash_of(place < labels.size() ? labels[place] : std::to_string(symbol)));
  }
  return torch::tensor(hashes, torch::kInt64);
}

/// One where a row of a column stands for the first time; columns are sorted.
Tensor first_of_its_kind(const Tensor& sorted_SB) {
  Tensor first_SB = sorted_SB.ne(kNone);
  const int64_t rest = sorted_SB.size(0) - 1;
  first_SB.narrow(0, 1, rest)
      .logical_and_(sorted_SB.narrow(0, 1, rest).ne(sorted_SB.narrow(0, 0, rest)));
  return first_SB;
}

}  // namespace

NgramBagImpl::NgramBagImpl(int64_t vocabulary, const std::vector<std::string>& labels,
                           int64_t longest, int64_t rows, int64_t outputs)
    : longest_(longest),
      hashes_V_(hashes_of(vocabulary, labels)),
      weight_RC_(register_parameter("weight", torch::zeros({rows, outputs}))),
      bias_C_(register_parameter("bias", torch::zeros({outputs}))) {}

Tensor NgramBagImpl::rows_of(const Tensor& symbols_TB, const std::vector<int64_t>& lengths) {
  hashes_V_ = hashes_V_.to(symbols_TB.device());
  const int64_t time = symbols_TB.size(0);
  const Tensor steps_T1 = torch::arange(time, symbols_TB.options()).unsqueeze(1);
  const Tensor inside_TB =
      steps_T1 < torch::tensor(lengths, torch::kInt64).to(symbols_TB.device()).unsqueeze(0);
  const Tensor own_TB = hashes_V_.index({symbols_TB.clamp_min(0)});
  std::vector<Tensor> rows;
  Tensor hash_TB = own_TB;
  for (int64_t length = 1; length <= longest_; ++length) {
    // The n-gram that ends at a step is the shorter one that ends a step before, and its symbol.
    if (length > 1) hash_TB = (hash_TB.roll(1, 0) * kMultiplier + own_TB).remainder(kModulus);
    const Tensor whole_TB = inside_TB.logical_and(steps_T1 >= length - 1);
    rows.push_back(torch::where(whole_TB, hash_TB.remainder(weight_RC_.size(0)), kNone));
  }
  return torch::cat(rows);
}

Tensor NgramBagImpl::forward(const Tensor& symbols_TB, const std::vector<int64_t>& lengths) {
  const Tensor sorted_SB = std::get<0>(rows_of(symbols_TB, lengths).sort(0));
  const Tensor counts_SB = first_of_its_kind(sorted_SB).to(weight_RC_.dtype());
  const Tensor weights_SBC = torch::embedding(weight_RC_, sorted_SB.clamp_min(0));
  const Tensor sum_BC = (weights_SBC * counts_SB.unsqueeze(2)).sum(0);
  return sum_BC * counts_SB.sum(0).clamp_min(1).rsqrt().unsqueeze(1) + bias_C_;
}

std::string NgramBagImpl::summary() const {
  return longest_ == 1 ? "single symbols" : fmt::format("1- to {}-grams", longest_);
}

}  // namespace lockstep
