// The optimizer and schedule sections of a run file.
#pragma once

#include "data/base/fields.h"

namespace lockstep {

struct OptimizerConfig {
  std::string kind = "adam";
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double smoothing = 0.99;
  double momentum = 0.0;
  double weight_decay = 0.0;
  double clip_norm = 0.0;
  double clip_value = 0.0;
  int64_t skip_not_finite = 0;
  bool sharded = false;
  std::vector<std::string> rate_factors = {};

  void describe(Fields& fields) {
    fields
        .add("kind", kind,
             "update rule: adam (Kingma & Ba 2015), adamw (Loshchilov & Hutter 2019), adagrad "
             "(Duchi et al. 2011), rmsprop (Tieleman & Hinton 2012), or sgd with momentum")
        .one_of({"adam", "adamw", "adagrad", "rmsprop", "sgd"});
    fields.add("learning_rate", learning_rate, "step size at the schedule's factor 1").more_than(0);
    fields.add("beta1", beta1, "adam: decay of the gradient's mean").at_least(0).less_than(1);
    fields.add("beta2", beta2, "adam: decay of the squared gradient's mean")
        .at_least(0)
        .less_than(1);
    fields
        .add("epsilon", epsilon,
             "adam, adagrad, rmsprop: added to the root of the second moment; PyTorch takes 1e-10 "
             "for adagrad")
        .more_than(0);
    fields
        .add("smoothing", smoothing, "rmsprop: decay of the squared gradient's mean (its `alpha`)")
        .at_least(0)
        .less_than(1);
    fields.add("momentum", momentum, "sgd, rmsprop: decay of the velocity; 0 is none")
        .at_least(0)
        .less_than(1);
    fields
        .add("weight_decay", weight_decay,
             "adamw: decoupled decay per unit of learning rate; others: L2 added to the gradient")
        .at_least(0);
    fields
        .add("clip_norm", clip_norm,
             "gradients with a larger global L2 norm are scaled down to it; 0 never clips "
             "(Pascanu et al. 2013)")
        .at_least(0);
    fields
        .add("clip_value", clip_value,
             "each number of the gradient is kept within this distance of zero, instead of "
             "clip_norm; 0 never clips (Mikolov 2012)")
        .at_least(0);
    fields
        .add("skip_not_finite", skip_not_finite,
             "how many steps in a row may be left out because their gradient is not finite; one "
             "more ends the run")
        .at_least(0)
        .unit("steps");
    fields
        .add("sharded", sharded,
             "each rank keeps and updates its part of the optimizer's state only: 1/N of the "
             "memory, the same results (Rajbhandari et al. 2020)")
        .may_change();
    fields.add("rate_factors", rate_factors,
               "what the learning rate of some parameters is multiplied by, each `PATTERN=FACTOR`; "
               "a pattern is a name with * for any characters, and the first that fits counts");
  }
};

struct ScheduleConfig {
  std::string kind = "constant";
  int64_t warmup_steps = 0;
  double final_factor = 0.0;
  int64_t every = 0;
  double factor = 0.5;
  int64_t patience = 0;
  double threshold = 0.0;

  void describe(Fields& fields) {
    fields
        .add(
            "kind", kind,
            "how the learning rate moves from warm-up to the last step: constant; falling to "
            "final_factor in a line or half a cosine wave (Loshchilov & Hutter 2017); times "
            "`factor` after `every` steps (step); with the root of the steps (inverse_sqrt, "
            "Vaswani et al. 2017); or times `factor` when evaluations get no better (plateau; with "
            "patience 0 and a threshold it is newbob)")
        .one_of({"constant", "linear", "cosine", "step", "inverse_sqrt", "plateau"});
    fields.add("warmup_steps", warmup_steps, "the rate rises linearly over the first steps")
        .at_least(0)
        .unit("steps");
    fields.add("final_factor", final_factor, "share of the learning rate left at the last step")
        .at_least(0)
        .at_most(1);
    fields.add("every", every, "step: steps between two changes, counted from the warm-up's end")
        .at_least(0)
        .unit("steps");
    fields.add("factor", factor, "step, plateau: what the learning rate is multiplied by")
        .more_than(0)
        .less_than(1);
    fields
        .add("patience", patience,
             "plateau: evaluations without a better `select.metric` that are waited for")
        .at_least(0)
        .unit("evaluations");
    fields
        .add("threshold", threshold,
             "plateau: better is what is better than the best by more than this share of it")
        .at_least(0)
        .less_than(1);
  }
};

}  // namespace lockstep
