// The select section of a run file.
#pragma once

#include "data/base/fields.h"

namespace lockstep {

struct SelectConfig {
  std::string metric = "loss";
  std::string better = "auto";
  std::string split;
  bool keep_best = false;
  int64_t patience = 0;

  void describe(Fields& fields) {
    fields.add("metric", metric,
               "figure of evaluations by which they are compared: loss, accuracy, bleu, ...");
    fields
        .add("better", better,
             "which of two values is the better one; auto: the higher one of accuracy, coverage, "
             "f1, bleu, recall, map, mrr, ndcg, auc, mcc and correlation figures and of shares "
             "that are exact, legal, within_tolerance or right paths, else the lower one")
        .one_of({"auto", "lower", "higher"});
    fields.add("split", split,
               "split whose evaluations are compared; empty: the validation split, or the test "
               "split where there is no other");
    fields
        .add("keep_best", keep_best,
             "the best evaluation's weights stay as a checkpoint in `best/` of the run folder")
        .may_change();
    fields
        .add("patience", patience,
             "the run ends after so many evaluations in a row that were not the best; 0: never")
        .at_least(0)
        .unit("evaluations")
        .may_change();
  }
};

}  // namespace lockstep
