// The model section of a run file.
#pragma once

#include <string>
#include <vector>

#include "data/base/fields.h"

namespace lockstep {

struct ModelConfig {
  int64_t hidden_size = 128;
  int64_t num_layers = 1;
  bool bidirectional = false;
  double dropout = 0.0;
  std::string pooling = "last";
  int64_t embedding_size = 0;
  bool tied = false;
  double forget_bias = 0.0;
  int64_t longest_memory = 0;
  std::string attention = "multiplicative";
  double label_smoothing = 0.0;
  int64_t beam_size = 5;
  double length_penalty = 1.0;
  bool possible_moves = false;
  int64_t ngram = 0;
  double ngram_weight = 0.5;
  double symbol_bonus = 0.0;
  bool forget_gate = true;
  bool residual = false;
  int64_t projection_size = 0;
  bool layer_norm = false;
  bool peepholes = false;
  bool coupled_gates = false;
  std::string initial_weights = "uniform";
  double initial_bound = 0.0;
  double embedding_bound = 0.1;
  bool variational_dropout = false;
  double recurrent_dropout = 0.0;
  double zoneout_cells = 0.0;
  double zoneout_outputs = 0.0;
  double weight_drop = 0.0;
  std::vector<int64_t> softmax_cutoffs = {};
  std::string embedding_vectors;
  std::vector<std::string> class_weights = {};
  double symbol_dropout = 0.0;
  int64_t context = 0;
  int64_t ensemble = 1;
  int64_t bag_ngrams = 0;
  int64_t bag_rows = 131072;
  int64_t masks = 2;
  int64_t mask_steps = 0;
  int64_t mask_features = 0;
  int64_t join_steps = 1;
  bool reverse_complement = false;
  double tolerance = 0.04;
  std::string kernel = "auto";
  std::string precision = "float32";
  double logit_scale = 0.0;
  int64_t negatives = 0;
  double negatives_power = 0.75;
  int64_t cutoff = 20;
  std::string matching = "cross";
  bool shared_encoder = true;
  int64_t scorer_size = 32;
  bool candidate_place = false;
  double candidate_loss = 0.0;
  std::string forecast_loss = "mse";
  std::vector<double> quantiles = {0.1, 0.9};
  int64_t season = 1;
  int64_t linear_lags = 0;
  int64_t calendar_harmonics = 11;
  double ridge = 0.01;
  bool joint_channels = false;
  std::string forecast_decoder = "direct";
  std::string frame_loss = "mse";
  int64_t frames_ahead = 10;
  bool item_text = false;
  bool item_ids = true;
  bool item_features = true;

  void describe(Fields& fields) {
    fields.add("hidden_size", hidden_size, "LSTM cells per layer and direction")
        .at_least(1)
        .at_most(65536)
        .unit("cells");
    fields.add("num_layers", num_layers, "LSTM layers, one on top of the other")
        .at_least(1)
        .at_most(64);
    fields.add("bidirectional", bidirectional,
               "read each sequence forwards and backwards and join both (Schuster & Paliwal 1997)");
    fields
        .add("dropout", dropout,
             "share of values dropped between layers, before the output layer and after an "
             "embedding "
             "(Zaremba et al. 2014)")
        .at_least(0)
        .less_than(1);
    fields
        .add("pooling", pooling,
             "how a sequence becomes one vector: its last state, that of its middle step, the mean "
             "or maximum over time, or a mean whose weights are learned (attention; Yang et al. "
             "2016)")
        .one_of({"last", "middle", "mean", "max", "attention"});
    fields
        .add("embedding_size", embedding_size,
             "inputs of symbols: numbers that stand for a symbol; 0: as many as hidden_size")
        .at_least(0)
        .at_most(65536);
    fields.add("tied", tied,
               "language_model, translation, captioning: the output layer's matrix is the "
               "embedding's of the same symbols (Press & Wolf 2017)");
    fields.add(
        "forget_bias", forget_bias,
        "added to the initial bias of the forget gate (Gers et al. 2000); 0 is PyTorch's start");
    fields
        .add("longest_memory", longest_memory,
             "instead of forget_bias: input and forget gates begin so that cells keep what they "
             "read for up to so many steps, each for another time (chrono initialisation, Tallec & "
             "Ollivier 2018); 0: not")
        .at_least(0)
        .at_most(1 << 20)
        .unit("steps");
    fields.add("forget_gate", forget_gate,
               "false: cells keep all they hold, as before Gers et al. 2000 (Hochreiter & "
               "Schmidhuber 1997)");
    fields
        .add("symbol_dropout", symbol_dropout,
             "share of symbols that are not shown at all (Iyyer et al. 2015)")
        .at_least(0)
        .less_than(1);
    fields
        .add("context", context,
             "each step is read together with so many before and so many behind it; not of "
             "language_model")
        .at_least(0)
        .at_most(64)
        .unit("steps");
    fields
        .add("ensemble", ensemble,
             "tasks that classify, label or do regression, and answer_matching (cross): networks "
             "trained side by side, whose answers are averaged (Hansen & Salamon 1990)")
        .at_least(1)
        .at_most(64)
        .unit("networks");
    fields
        .add(
            "bag_ngrams", bag_ngrams,
            "tasks that classify sequences of symbols: beside the network learns a linear "
            "classifier "
            "of which n-grams of one up to so many symbols a sequence holds (Wang & Manning 2012), "
            "whose answers are averaged with the network's; 0: none")
        .at_least(0)
        .at_most(8)
        .unit("symbols");
    fields.add("bag_rows", bag_rows, "bag_ngrams: its weights, which n-grams share by a hash")
        .at_least(1)
        .at_most(1 << 24)
        .unit("rows");
    fields
        .add("masks", masks,
             "training only: stripes of steps, and as many of features, that are set to zero in "
             "each dense sequence (Park et al. 2019)")
        .at_least(0)
        .at_most(64)
        .unit("stripes");
    fields
        .add("mask_steps", mask_steps,
             "widest stripe of steps, at most a quarter of the sequence; 0: none")
        .at_least(0)
        .at_most(65536)
        .unit("steps");
    fields.add("mask_features", mask_features, "widest stripe of features; 0: none")
        .at_least(0)
        .at_most(65536)
        .unit("features");
    fields
        .add("join_steps", join_steps,
             "ctc, sequence_classification and sequence_regression of dense inputs: so many steps "
             "behind each other become one, as wide as all of them")
        .at_least(1)
        .at_most(1024)
        .unit("steps");
    fields.add("reverse_complement", reverse_complement,
               "training only: DNA is read from its other strand half of the time");
    fields
        .add("tolerance", tolerance,
             "sequence_regression: an answer within this distance counts as right")
        .more_than(0)
        .may_change();
    fields
        .add("attention", attention,
             "translation, captioning: how a query is compared with the steps of the source, by a "
             "layer of its own (additive; Bahdanau et al. 2015) or a product (multiplicative; "
             "Luong et al. 2015); the same for `pooling: attention`, whose query is learned")
        .one_of({"additive", "multiplicative"});
    fields
        .add("label_smoothing", label_smoothing,
             "of losses over classes or symbols, in training: share of the target's probability "
             "that "
             "is dealt out to all (Szegedy et al. 2016)")
        .at_least(0)
        .less_than(1);
    fields
        .add("beam_size", beam_size,
             "translation, captioning, ctc: texts (of ctc, their beginnings) that the search for "
             "the "
             "best one keeps; 1 always takes the most probable symbol")
        .at_least(1)
        .at_most(256)
        .may_change()
        .unit("texts");
    fields
        .add("length_penalty", length_penalty,
             "translation, captioning: alpha of Wu et al. 2016; larger values prefer longer texts, "
             "0 does not look at lengths")
        .at_least(0)
        .at_most(10)
        .may_change();
    fields
        .add("possible_moves", possible_moves,
             "path_planning: paths are written of possible moves, to no cell twice, and end at the "
             "goal")
        .may_change();
    fields
        .add("ngram", ngram,
             "ctc: length of the symbol sequences that are counted in the training targets; the "
             "search weighs answers with them (Hannun et al. 2014); 0: not")
        .at_least(0)
        .at_most(8)
        .unit("symbols");
    fields
        .add("ngram_weight", ngram_weight,
             "ctc: what the log probability of the n-grams counts beside the network's")
        .at_least(0)
        .at_most(100)
        .may_change();
    fields
        .add("symbol_bonus", symbol_bonus,
             "ctc with n-grams: added for each symbol of an answer, against answers too short")
        .at_least(-100)
        .at_most(100)
        .may_change();
    fields
        .add("kernel", kernel,
             "who computes the LSTM: LibTorch (aten), Lockstep's own CPU kernel (cpu), or the "
             "faster one that fits device and shape (auto)")
        .one_of({"auto", "aten", "cpu"});
    fields
        .add("precision", precision,
             "of the operands of matrix products on a CPU, with kernel cpu or auto: those of the "
             "LSTM and of output layers over all symbols or items; sums, states, weights and "
             "gradients stay float32")
        .one_of({"float32", "bfloat16"});
    describe_cells(fields);
    describe_masks(fields);
    describe_ranking(fields);
    describe_matching(fields);
    describe_forecasts(fields);
    describe_frames(fields);
    describe_likes(fields);
  }

  void describe_cells(Fields& fields) {
    fields.add("residual", residual,
               "layers above the first add what they read to what they write (Wu et al. 2016)");
    fields
        .add("projection_size", projection_size,
             "outputs per layer and direction, a matrix times the cells' (LSTMP, Sak et al. 2014); "
             "0: the cells' own")
        .at_least(0)
        .at_most(65536)
        .unit("outputs");
    fields.add("layer_norm", layer_norm,
               "normalise what goes into the gates, from input and from state, and the cells (Ba "
               "et al. 2016)");
    fields.add("peepholes", peepholes, "gates see their cell (Gers & Schmidhuber 2000)");
    fields.add("coupled_gates", coupled_gates,
               "the forget gate is one minus the input gate and has no weights (CIFG; Greff et al. "
               "2017)");
    fields
        .add("initial_weights", initial_weights,
             "of LSTM layers: all uniform; or recurrent matrices orthogonal (Saxe et al. 2014), "
             "those of inputs uniform by their sizes (Glorot & Bengio 2010) and biases zero")
        .one_of({"uniform", "orthogonal"});
    fields
        .add("initial_bound", initial_bound,
             "uniform: largest initial weight of LSTM layers; 0: one over the root of hidden_size, "
             "as in PyTorch")
        .at_least(0)
        .at_most(10);
    fields
        .add("embedding_bound", embedding_bound,
             "largest initial number of what stands for a symbol, uniform; larger ones are told "
             "apart sooner by classifiers; language_model and tasks that label or classify")
        .more_than(0)
        .at_most(10);
    fields.add("softmax_cutoffs", softmax_cutoffs,
               "language_model: vocabulary sizes, growing, at which it is cut into a head and "
               "clusters of ever smaller layers (adaptive softmax, Grave et al. 2017); empty: the "
               "plain output layer");
    fields.add("embedding_vectors", embedding_vectors,
               "file of word vectors in GloVe's text format (Pennington et al. 2014) that rows of "
               "the embedding start from; empty: none");
    fields.add("class_weights", class_weights,
               "sequence_classification: what the losses of a class count in training, each "
               "`LABEL=WEIGHT`; or `[balanced]`: in inverse proportion to the classes' sizes");
  }

  void describe_masks(Fields& fields) {
    fields.add("variational_dropout", variational_dropout,
               "what `dropout` drops of a sequence is the same at all steps (Gal & Ghahramani "
               "2016)");
    fields
        .add("recurrent_dropout", recurrent_dropout,
             "share of a layer's state that the next step does not see, the same at all steps (Gal "
             "& Ghahramani 2016)")
        .at_least(0)
        .less_than(1);
    fields
        .add("zoneout_cells", zoneout_cells,
             "share of cells that keep what they held at a step (Krueger et al. 2017)")
        .at_least(0)
        .less_than(1);
    fields
        .add("zoneout_outputs", zoneout_outputs,
             "share of outputs that stay what they were at a step (Krueger et al. 2017)")
        .at_least(0)
        .less_than(1);
    fields
        .add("weight_drop", weight_drop,
             "share of recurrent weights that count nothing in a step of training, the same for "
             "all samples (Merity et al. 2018)")
        .at_least(0)
        .less_than(1);
  }

  void describe_ranking(Fields& fields) {
    fields
        .add("logit_scale", logit_scale,
             "next_item: an item's score is this times the cosine between it and the state; 0: "
             "their product and a bias")
        .at_least(0);
    fields
        .add("negatives", negatives,
             "next_item: items drawn in each step, the same for all ranks, that the right one is "
             "told from (Bengio & Senecal 2008); 0: all items")
        .at_least(0)
        .at_most(1 << 24)
        .unit("items");
    fields
        .add("negatives_power", negatives_power,
             "next_item: they are drawn in proportion to this power of their counts in training; "
             "the loss is corrected for it")
        .at_least(0)
        .at_most(1);
    fields.add("cutoff", cutoff, "next_item: places of a ranking that its figures look at")
        .at_least(1)
        .at_most(100)
        .unit("places");
  }

  void describe_matching(Fields& fields) {
    fields
        .add("matching", matching,
             "answer_matching: \"dual\" gives question and answer a vector each, learns from the "
             "answers of the whole batch on all ranks, and finds answers among many; \"cross\" "
             "reads both together with the words they share, and ranks few")
        .one_of({"dual", "cross"});
    fields.add("shared_encoder", shared_encoder,
               "answer_matching: one LSTM reads questions and answers; false: each has its own");
    fields.add("scorer_size", scorer_size, "answer_matching: hidden units of the scorer of pairs")
        .at_least(1)
        .at_most(65536);
    fields.add("candidate_place", candidate_place,
               "answer_matching: the scorer also sees an answer's place in the list of candidates, "
               "where that says something, such as in a page");
    fields
        .add("candidate_loss", candidate_loss,
             "answer_matching, cross: weight of a second loss that judges each candidate by itself "
             "(right or wrong), which also learns from questions without a right answer")
        .at_least(0);
  }

  void describe_forecasts(Fields& fields) {
    fields
        .add("forecast_loss", forecast_loss,
             "forecasting: of the point forecast: squared errors, absolute errors, or squared up "
             "to 1 and absolute beyond (Huber 1964)")
        .one_of({"mse", "mae", "huber"});
    fields.add("quantiles", quantiles,
               "forecasting: quantiles that are forecast too, growing, between 0 and 1; the "
               "outermost two bound the interval whose coverage is measured");
    fields
        .add("season", season,
             "forecasting: steps after which the series is alike; for the seasonal-naive floor and "
             "MASE")
        .at_least(1)
        .at_most(1 << 20)
        .unit("steps");
    fields
        .add("linear_lags", linear_lags,
             "forecasting: last steps that the autoregressive part sees; 0: all of the history")
        .at_least(0)
        .at_most(4096)
        .unit("steps");
    fields
        .add("calendar_harmonics", calendar_harmonics,
             "forecasting: multiples of each calendar feature's frequency that the autoregressive "
             "part sees; 11 tell 24 hours apart")
        .at_least(0)
        .at_most(1000);
    fields
        .add("ridge", ridge,
             "forecasting: penalty on the autoregressive part's squared weights, for each training "
             "window; larger ones pull it to the last value")
        .more_than(0);
    fields.add("joint_channels", joint_channels,
               "forecasting: one LSTM reads all columns at once, instead of each by itself with "
               "the same weights");
    fields
        .add("forecast_decoder", forecast_decoder,
             "forecasting: all steps ahead by one linear layer (direct), or one after the other by "
             "a second LSTM that goes on from the first and reads the calendar and the linear "
             "part's forecast of each step (lstm; Cho et al. 2014)")
        .one_of({"direct", "lstm"});
  }

  void describe_frames(Fields& fields) {
    fields
        .add("frame_loss", frame_loss,
             "frame_prediction: squared errors of any numbers, or the cross-entropy of numbers "
             "between 0 and 1, such as pixels")
        .one_of({"mse", "cross_entropy"});
    fields
        .add("frames_ahead", frames_ahead,
             "frame_prediction: frames that `lockstep predict` writes for a line")
        .at_least(1)
        .at_most(4096)
        .unit("frames")
        .may_change();
  }

  void describe_likes(Fields& fields) {
    fields.add("item_text", item_text,
               "like_prediction, next_item: an LSTM reads what items say of themselves");
    fields.add("item_ids", item_ids,
               "like_prediction, next_item: items that training knows have an embedding of their "
               "own (false: only what their texts say)");
    fields.add("item_features", item_features,
               "like_prediction: the numbers beside each event, such as what its user and its item "
               "had liked until then, go into the score");
  }
};

}  // namespace lockstep
