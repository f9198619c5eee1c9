// A linear classifier of the set of n-grams that a text holds: what single turns of phrase say,
// which a recurrent network learns slowly.
#pragma once

#include "trainer/model/libtorch.h"

#include <string>
#include <vector>

namespace lockstep {

/// y = b + sum of w_g over the n-grams g of a sequence / sqrt(how many they are), each counted once
/// however often it stands there (Wang & Manning 2012), of one up to `longest` symbols. N-grams
/// share rows of w by a hash (Joulin et al. 2017), which follows from their symbols' labels, so
/// that it is the same whatever else a vocabulary holds. Parameters are named weight [rows,
/// outputs] and bias [outputs]; both begin as zeros.
class NgramBagImpl : public torch::nn::Module {
 public:
  /// `labels` of the `vocabulary` symbols; their numbers stand in for them when there are none.
  NgramBagImpl(int64_t vocabulary, const std::vector<std::string>& labels, int64_t longest,
               int64_t rows, int64_t outputs);

  /// Symbols [T, B] of sequences of these lengths -> [B, outputs].
  torch::Tensor forward(const torch::Tensor& symbols_TB, const std::vector<int64_t>& lengths);
  /// The rows of each sequence's n-grams, int64 [N * T, B]: first those of single symbols, then of
  /// two, by where they end; -1 where there is none.
  torch::Tensor rows_of(const torch::Tensor& symbols_TB, const std::vector<int64_t>& lengths);

  /// "1- to 3-grams".
  std::string summary() const;

 private:
  int64_t longest_;
  torch::Tensor hashes_V_;  ///< int64, in [1, 2^31 - 1)
  torch::Tensor weight_RC_, bias_C_;
};
TORCH_MODULE(NgramBag);

}  // namespace lockstep
