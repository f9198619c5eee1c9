// An output layer for large vocabularies: frequent words first, rare ones in clusters whose layers
// are ever smaller (Grave et al. 2017).
#pragma once

#include "trainer/model/libtorch.h"

#include <vector>

namespace lockstep {

/// Classes are numbered with the most frequent first. Those below the first cutoff stand in the
/// head, beside one class for each cluster; cluster i, from cutoff i to the next, has a layer of
/// inputs / 4^(i + 1) numbers of its own. As torch.nn.AdaptiveLogSoftmaxWithLoss, with biases.
class AdaptiveSoftmaxImpl : public torch::nn::Module {
 public:
  /// 0 < cutoffs < classes, growing.
  AdaptiveSoftmaxImpl(int64_t inputs, int64_t classes, const std::vector<int64_t>& cutoffs);

  /// Sum over rows of hidden [N, H] of the cross-entropies of targets [N]; rows of kPaddingSymbol
  /// count nothing. `bfloat16` as of LinearCrossEntropyOptions.
  torch::Tensor loss(const torch::Tensor& hidden_NH, const torch::Tensor& targets_N,
                     bool bfloat16 = false) const;
  /// [N, H] -> logarithms of probabilities [N, V].
  torch::Tensor log_probabilities(const torch::Tensor& hidden_NH) const;

 private:
  struct Cluster {
    int64_t begin = 0, end = 0;  ///< classes
    torch::Tensor projection_PH, weight_CP, bias_C;
  };

  int64_t shortlist_;
  torch::Tensor head_weight_, head_bias_;
  std::vector<Cluster> clusters_;
};
TORCH_MODULE(AdaptiveSoftmax);

}  // namespace lockstep
