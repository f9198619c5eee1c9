// B questions, N candidates, C candidates of a question at most, O numbers of a vector; G of all
// ranks.
#include "trainer/tasks/matching_loss.h"

#include <algorithm>

namespace lockstep {

using torch::Tensor;

namespace {

constexpr double kNoScore = -1e9;

Tensor floats_of(const std::vector<bool>& values) {
  std::vector<float> numbers(values.begin(), values.end());
  return torch::tensor(numbers, torch::kFloat32);
}

Tensor floats_of(const std::vector<int64_t>& values) {
  return torch::tensor(values, torch::kInt64).to(torch::kFloat32);
}

/// Own rows of all ranks' with their graph in place.
Tensor with_own(const GatheredRows& gathered, const Tensor& own) {
  const int64_t end = gathered.begin + own.size(0);
  return torch::cat({gathered.all_NF.narrow(0, 0, gathered.begin), own,
                     gathered.all_NF.narrow(0, end, gathered.all_NF.size(0) - end)});
}

/// What is known of each answer besides its vector, [N, 3]: the number of its question among all,
/// whether it is right, and its identity.
Tensor facts_of(const CandidateLists& lists, int64_t first_question) {
  if (lists.size() == 0) return torch::zeros({0, 3});
  const Tensor identity = torch::tensor(lists.identity, torch::kFloat32);
  return torch::stack({floats_of(lists.owners) + static_cast<double>(first_question),
                       floats_of(lists.right), identity},
                      1);
}

/// [G questions, G answers]: `right` answers of the question itself, and those `equal` to one of
/// them, which are no negatives.
struct Relations {
  Tensor right, equal;
};

Relations relations_of(const Tensor& facts_G3, int64_t questions) {
  const Tensor owner = facts_G3.select(1, 0);
  const Tensor numbers = torch::arange(questions, owner.options()).unsqueeze(1);
  const Tensor right =
      numbers.eq(owner.unsqueeze(0)).logical_and(facts_G3.select(1, 1).gt(0).unsqueeze(0));
  const Tensor identity = facts_G3.select(1, 2);
  const Tensor same = identity.unsqueeze(0).eq(identity.unsqueeze(1)).to(torch::kFloat32);
  return {right, right.to(torch::kFloat32).matmul(same).gt(0)};
}

}  // namespace

Tensor list_loss(const Tensor& scores_N, const CandidateLists& lists) {
  const auto questions = static_cast<int64_t>(lists.first.size()) - 1;
  int64_t most = 1;
  std::vector<int64_t> places;
  for (int64_t b = 0; b < questions; ++b) {
    const auto i = static_cast<size_t>(b);
    most = std::max(most, lists.first[i + 1] - lists.first[i]);
  }
  for (int64_t n = 0; n < lists.size(); ++n) {
    const int64_t b = lists.owners[static_cast<size_t>(n)];
    places.push_back(b * most + n - lists.first[static_cast<size_t>(b)]);
  }
  const Tensor index = torch::tensor(places, torch::kInt64).to(scores_N.device());
  const Tensor scores_BC = torch::full({questions * most}, kNoScore, scores_N.options())
                               .detach()
                               .index_put({index}, scores_N)
                               .view({questions, most});
  const Tensor right_BC = torch::zeros({questions * most}, torch::TensorOptions(scores_N.device()))
                              .index_put({index}, floats_of(lists.right).to(scores_N.device()))
                              .view({questions, most});
  const Tensor share_BC = right_BC / right_BC.sum(1, true).clamp_min(1);
  return -(scores_BC.log_softmax(1) * share_BC).sum();
}

Tensor candidate_loss(const Tensor& scores_N, const CandidateLists& lists) {
  std::vector<float> shares;
  for (const int64_t owner : lists.owners) {
    const auto b = static_cast<size_t>(owner);
    shares.push_back(1.0F / static_cast<float>(lists.first[b + 1] - lists.first[b]));
  }
  const Tensor right_N = floats_of(lists.right).to(scores_N.device());
  return torch::binary_cross_entropy_with_logits(
      scores_N, right_N, torch::tensor(shares, torch::kFloat32).to(scores_N.device()), {},
      at::Reduction::Sum);
}

BatchLoss batch_loss(const Tensor& question_BO, const Tensor& answer_NO,
                     const CandidateLists& lists, const GatherRows& gather) {
  const GatheredRows questions = gather(question_BO.detach());
  const Tensor facts = facts_of(lists, questions.begin).to(question_BO.device());
  const GatheredRows answers = gather(torch::cat({answer_NO.detach(), facts}, 1));
  const int64_t own = question_BO.size(0), width = answer_NO.size(1);
  if (own == 0) return {};
  const GatheredRows vectors{answers.all_NF.narrow(1, 0, width), answers.begin};
  const Tensor question_GO = with_own(questions, question_BO);
  const Tensor answer_GO = with_own(vectors, answer_NO);
  const Relations relations = relations_of(answers.all_NF.narrow(1, width, 3), question_GO.size(0));
  const Tensor scores_GG = question_GO.matmul(answer_GO.t());
  const Tensor others_G1 = scores_GG.masked_fill(relations.equal, kNoScore).logsumexp(1, true);
  const Tensor loss_GG = torch::logaddexp(scores_GG, others_G1) - scores_GG;
  const Tensor right_GG = relations.right.to(torch::kFloat32);
  const Tensor share_GG = right_GG / right_GG.sum(1, true).clamp_min(1);
  const Tensor loss_G = (loss_GG * share_GG).sum(1);
  return {loss_G.sum(), loss_G.detach().narrow(0, questions.begin, own).sum()};
}

}  // namespace lockstep
