// Everything a run file can say. Each section is described once, here or beside its owner; the
// reader in launcher/ fills it in.
#pragma once

#include "data/base/fields.h"
#include "trainer/model/model_config.h"
#include "trainer/optimizer_config.h"
#include "trainer/selection_config.h"

namespace lockstep {

struct RunSection {
  std::string dir;
  int64_t seed = 1;
  int64_t world_size = 0;
  int64_t threads = 0;
  int64_t max_restarts = 3;

  void describe(Fields& fields) {
    fields.add("dir", dir, "folder of this run; empty: runs/ and the config file's name")
        .may_change();
    fields.add("seed", seed, "of initial weights, sample order and dropout").at_least(0);
    fields
        .add("world_size", world_size,
             "ranks this run expects: a start with another number is refused; 0 takes any")
        .at_least(0)
        .at_most(65536)
        .unit("ranks")
        .may_change();
    fields
        .add("threads", threads,
             "CPU threads a rank computes with; 0 shares the cores this rank may use evenly")
        .at_least(0)
        .at_most(4096)
        .unit("threads")
        .may_change();
    fields
        .add("max_restarts", max_restarts,
             "when `train` starts its ranks itself: how often a lost rank may be answered by a new "
             "start from the last checkpoint")
        .at_least(0)
        .unit("starts")
        .may_change();
  }
};

struct DataSection {
  std::string path;
  std::string train_split = "train";
  std::string validation_split = "validation";
  std::string test_split = "test";
  int64_t prefetch = 4;
  int64_t threads = 1;
  bool verify = true;
  bool log_samples = false;
  std::string shuffle = "global";
  int64_t shuffle_block = 4096;
  int64_t shift = 0;
  int64_t folds = 0;
  int64_t fold = 0;
  int64_t steps = 35;

  void describe(Fields& fields) {
    fields.add("path", path, "data set folder, as written by `lockstep data import`").may_change();
    fields.add("train_split", train_split, "split to train on");
    fields
        .add("validation_split", validation_split,
             "split to evaluate while training, when the data set has it")
        .may_change();
    fields
        .add("test_split", test_split,
             "split to evaluate while training and at the end, when the data set has it")
        .may_change();
    fields.add("prefetch", prefetch, "batches kept ready by the reading threads")
        .at_least(1)
        .at_most(1024)
        .unit("batches")
        .may_change();
    fields
        .add("threads", threads,
             "threads of each rank that make batches; more than one where a step waits for data")
        .at_least(1)
        .at_most(64)
        .unit("threads")
        .may_change();
    fields.add("verify", verify, "check each shard's SHA-256 before its first use").may_change();
    fields
        .add("log_samples", log_samples,
             "each rank notes which samples every step got, in samples/ of the run folder")
        .may_change();
    fields
        .add("shuffle", shuffle,
             "order of training samples: any place of the epoch equally likely (global), blocks of "
             "neighbours for data far larger than memory (blocks), or as stored (none)")
        .one_of({"global", "blocks", "none"});
    fields.add("shuffle_block", shuffle_block, "for `shuffle: blocks`: samples read close together")
        .at_least(1)
        .unit("samples");
    fields
        .add("steps", steps,
             "language_model: tokens of each row in a batch; gradients reach back no further "
             "(Williams & Peng 1990), states do")
        .at_least(1)
        .at_most(65536)
        .unit("tokens");
    fields
        .add("folds", folds,
             "cross-validation: the training split is dealt into so many parts, as alike in their "
             "labels as can be; 0: it is not")
        .at_least(0)
        .at_most(1 << 20)
        .unit("folds");
    fields.add("fold", fold, "the part that is held out as the test split, from 0").at_least(0);
    fields
        .add("shift", shift,
             "training only: dense inputs are moved by up to this many steps in time and features, "
             "at random per sample and epoch; 0 leaves them as they are")
        .at_least(0)
        .at_most(1024)
        .unit("steps");
  }
};

struct BatchSection {
  int64_t size = 64;
  int64_t window = 0;
  int64_t max_steps = 0;
  int64_t accumulation = 1;

  void describe(Fields& fields) {
    fields.add("size", size, "samples in a global batch, over all ranks")
        .at_least(1)
        .at_most(1 << 24)
        .unit("samples");
    fields
        .add("window", window,
             "samples of like length go together: so many batches' worth are sorted by length, cut "
             "into batches and these shuffled; 0: batches are cut as samples come")
        .at_least(0)
        .at_most(1 << 20)
        .unit("batches");
    fields
        .add("max_steps", max_steps,
             "with a window: a batch has no more samples than so many steps, padding included, "
             "hold; `size` still limits it; 0: no limit")
        .at_least(0)
        .unit("steps");
    fields
        .add("accumulation", accumulation,
             "each rank computes its share in this many micro-batches, to save memory; the result "
             "is the same to rounding")
        .at_least(1)
        .at_most(65536)
        .unit("micro-batches");
  }
};

struct TrainSection {
  int64_t epochs = 10;
  int64_t steps = 0;
  int64_t log_every = 100;
  double average = 0.0;

  void describe(Fields& fields) {
    fields.add("epochs", epochs, "passes over the training split")
        .at_least(1)
        .may_change()
        .unit("epochs");
    fields.add("steps", steps, "stop after this many steps; 0: after `epochs`")
        .at_least(0)
        .may_change()
        .unit("steps");
    fields.add("log_every", log_every, "steps between two lines of progress and metrics")
        .at_least(1)
        .may_change()
        .unit("steps");
    fields
        .add("average", average,
             "decay of a moving average of the weights, with which the model is evaluated and "
             "predicts (Polyak & Juditsky 1992); 0: the weights as they are")
        .at_least(0)
        .less_than(1);
  }
};

struct EvaluateSection {
  int64_t every = 0;
  int64_t batch_size = 256;
  std::string ranks = "all";
  std::string decode = "end";

  void describe(Fields& fields) {
    fields.add("every", every, "steps between two evaluations; 0: at the end of every epoch")
        .at_least(0)
        .may_change()
        .unit("steps");
    fields.add("batch_size", batch_size, "samples in one evaluation batch, on one rank")
        .at_least(1)
        .at_most(1 << 24)
        .may_change()
        .unit("samples");
    fields
        .add("ranks", ranks,
             "who computes: `all` share the batches and rank zero merges their counts, or rank "
             "`zero` alone while the others wait; the figures are the same")
        .one_of({"all", "zero"})
        .may_change();
    fields
        .add("decode", decode,
             "translation, captioning: when texts are also written, to measure them: in every "
             "evaluation, in the last one and by `lockstep evaluate`, or never; takes longer than "
             "the loss")
        .one_of({"always", "end", "never"})
        .may_change();
  }
};

struct CheckpointSection {
  int64_t every = 0;
  int64_t keep = 2;

  void describe(Fields& fields) {
    fields.add("every", every, "steps between two checkpoints; 0: at the end of every epoch")
        .at_least(0)
        .may_change()
        .unit("steps");
    fields.add("keep", keep, "how many of the newest checkpoints stay").at_least(1).may_change();
  }
};

struct CommunicationSection {
  std::string backend = "auto";
  double bucket_megabytes = 4;
  bool shared_memory = true;
  std::string dtype = "float32";
  bool row_sparse = true;
  double timeout_seconds = 60;

  void describe(Fields& fields) {
    fields
        .add("backend", backend,
             "how gradients travel: NCCL between GPUs, MPI between CPUs; auto takes the one that "
             "fits the device")
        .one_of({"auto", "mpi", "nccl"})
        .may_change();
    fields
        .add("bucket_megabytes", bucket_megabytes,
             "gradients travel in pieces of at least this size while the backward pass goes on")
        .more_than(0)
        .at_most(4096)
        .may_change()
        .unit("MB");
    fields
        .add("shared_memory", shared_memory,
             "ranks of one host add gradients in memory that all of them see; false: by messages, "
             "as between hosts")
        .may_change();
    fields
        .add("dtype", dtype,
             "what gradients are rounded to when they travel as messages; they are added in "
             "float32, and memory that ranks share is not rounded")
        .one_of({"float32", "bfloat16"})
        .may_change();
    fields
        .add("row_sparse", row_sparse,
             "gradients of embeddings travel as the rows that a step touches, where that is "
             "shorter; the result is the same")
        .may_change();
    fields
        .add("timeout_seconds", timeout_seconds,
             "a rank that waits longer than this for the others ends the job and names who is late")
        .more_than(0)
        .may_change()
        .unit("seconds");
  }
};

struct RunConfig {
  std::string task = "sequence_classification";
  std::string device = "auto";
  std::string precision = "float32";
  bool reproducible = false;
  int64_t lanes = 8;
  std::string init_from;
  std::vector<std::string> init_skip = {};
  std::vector<std::string> freeze = {};
  RunSection run;
  DataSection data;
  BatchSection batch;
  ModelConfig model;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  TrainSection train;
  EvaluateSection evaluate;
  SelectConfig select;
  CheckpointSection checkpoint;
  CommunicationSection communication;

  void describe(Fields& fields);
};

/// A mistake that shows only when fields are seen together.
struct ConfigProblem {
  std::string path;  ///< the field to name
  std::string message;
};
std::vector<ConfigProblem> problems_across_fields(const RunConfig& config);

}  // namespace lockstep
