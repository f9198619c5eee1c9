// N rows, H inputs, V classes, C classes of a cluster, P inputs of its layer.
#include "trainer/model/adaptive_softmax.h"

#include <algorithm>
#include <cmath>

#include "trainer/model/linear_cross_entropy.h"

namespace lockstep {

using torch::Tensor;

AdaptiveSoftmaxImpl::AdaptiveSoftmaxImpl(int64_t inputs, int64_t classes,
                                         const std::vector<int64_t>& cutoffs)
    : shortlist_(cutoffs.front()) {
  const auto make = [&](const std::string& name, int64_t rows, int64_t columns) {
    const double bound = 1 / std::sqrt(static_cast<double>(columns));
    return register_parameter(name, torch::empty({rows, columns}).uniform_(-bound, bound));
  };
  const auto num_clusters = static_cast<int64_t>(cutoffs.size());
  head_weight_ = make("head_weight", shortlist_ + num_clusters, inputs);
  head_bias_ = register_parameter("head_bias", torch::zeros({shortlist_ + num_clusters}));
  int64_t size = inputs;
  for (size_t i = 0; i < cutoffs.size(); ++i) {
    size = std::max<int64_t>(1, size / 4);
    Cluster cluster;
    cluster.begin = cutoffs[i];
    cluster.end = i + 1 < cutoffs.size() ? cutoffs[i + 1] : classes;
    const std::string name = "tail_" + std::to_string(i);
    cluster.projection_PH = make(name + "_projection", size, inputs);
    cluster.weight_CP = make(name + "_weight", cluster.end - cluster.begin, size);
    cluster.bias_C =
        register_parameter(name + "_bias", torch::zeros({cluster.end - cluster.begin}));
    clusters_.push_back(std::move(cluster));
  }
}

Tensor AdaptiveSoftmaxImpl::loss(const Tensor& hidden_NH, const Tensor& targets_N,
                                 bool bfloat16) const {
  const LinearCrossEntropyOptions options{0, bfloat16};
  Tensor in_head_N = targets_N;
  std::vector<Tensor> rows_of_clusters;
  for (size_t i = 0; i < clusters_.size(); ++i) {
    const Tensor inside = targets_N.ge(clusters_[i].begin) & targets_N.lt(clusters_[i].end);
    in_head_N = in_head_N.masked_fill(inside, shortlist_ + static_cast<int64_t>(i));
    rows_of_clusters.push_back(inside.nonzero().squeeze(1));
  }
  Tensor sum = linear_cross_entropy(hidden_NH, head_weight_, head_bias_, in_head_N, options);
  for (size_t i = 0; i < clusters_.size(); ++i) {
    const Tensor& rows = rows_of_clusters[i];
    if (rows.numel() == 0) continue;
    const Cluster& cluster = clusters_[i];
    const Tensor own_NP = torch::matmul(hidden_NH.index_select(0, rows), cluster.projection_PH.t());
    sum = sum + linear_cross_entropy(own_NP, cluster.weight_CP, cluster.bias_C,
                                     targets_N.index_select(0, rows) - cluster.begin, options);
  }
  return sum;
}

Tensor AdaptiveSoftmaxImpl::log_probabilities(const Tensor& hidden_NH) const {
  const Tensor head = torch::addmm(head_bias_, hidden_NH, head_weight_.t()).log_softmax(1);
  std::vector<Tensor> parts = {head.narrow(1, 0, shortlist_)};
  for (size_t i = 0; i < clusters_.size(); ++i) {
    const Cluster& cluster = clusters_[i];
    const Tensor own_NP = torch::matmul(hidden_NH, cluster.projection_PH.t());
    const Tensor within = torch::addmm(cluster.bias_C, own_NP, cluster.weight_CP.t());
    parts.push_back(within.log_softmax(1) +
                    head.narrow(1, shortlist_ + static_cast<int64_t>(i), 1));
  }
  return torch::cat(parts, 1);
}

}  // namespace lockstep
