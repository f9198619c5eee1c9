// Losses of scores: within a question's own list, and against all answers of a batch.
#pragma once

#include "trainer/model/libtorch.h"

#include "trainer/tasks/candidate_lists.h"
#include "trainer/tasks/gather_rows.h"

namespace lockstep {

/// Cross entropy of a softmax over each question's candidates; several right ones share the target.
/// Questions without a right one have none.
torch::Tensor list_loss(const torch::Tensor& scores_N, const CandidateLists& lists);

/// For each question the mean, over its candidates, of the cross entropy of being right or wrong
/// when the score is a logit; their sum.
torch::Tensor candidate_loss(const torch::Tensor& scores_N, const CandidateLists& lists);

/// What each rank does for the loss against the candidates of the whole batch (in-batch negatives):
/// the mean over a question's right answers of the cross entropy against all candidates of all
/// questions that differ from its right ones.
struct BatchLoss {
  /// Of all questions, as a function of this rank's vectors: each rank's gradients of it add up to
  /// the whole one, so vectors travel forward and nothing travels back.
  torch::Tensor all;
  torch::Tensor own;  ///< the part of this rank's questions, without a graph
};

/// `question_BO`, `answer_NO` are this rank's. Collective where `gather` is; an empty share (no
/// rows) takes part and gets an undefined loss.
BatchLoss batch_loss(const torch::Tensor& question_BO, const torch::Tensor& answer_NO,
                     const CandidateLists& lists, const GatherRows& gather);

}  // namespace lockstep
