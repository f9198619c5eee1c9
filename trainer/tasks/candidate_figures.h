// How well scores rank the candidates of a batch's questions.
#pragma once

#include "trainer/model/libtorch.h"

#include "trainer/tasks/candidate_lists.h"

namespace lockstep {

/// Questions with right and wrong candidates: of the others every order is as good.
double ranked_questions(const CandidateLists& lists);
/// Questions with a right candidate.
double questions_with_right(const CandidateLists& lists);

/// Sums over ranked_questions(); the hits may be null.
struct RankingSums {
  double* precisions = nullptr;  ///< average precision
  double* ranks = nullptr;       ///< 1 / place of the first right one
  double* hits_1 = nullptr;
  double* hits_5 = nullptr;
};

/// Adds what the scores [N], float32 on the CPU, are worth; equal ones as in tied_ranking.h.
void add_ranking_figures(const torch::Tensor& scores_N, const CandidateLists& lists,
                         const RankingSums& sums);

}  // namespace lockstep
