// What a manifest says of signals, symbol sequences and series, so that new ones can be turned into
// inputs the same way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

/// How sound became features: what data/audio/features.h computes.
struct AudioInfo {
  int64_t sample_rate = 0;           ///< Hz
  std::string features = "log-mel";  ///< "log-mel" or "mfcc"
  std::string window = "hamming";    ///< "hamming" or "hann"
  double window_ms = 25;
  double step_ms = 10;
  double pre_emphasis = 0.97;
  int64_t bands = 40;
  double low_hz = 20;
  double high_hz = 0;              ///< 0: half of the sample rate
  double range_db = 0;             ///< energies below the loudest less this are raised; 0: none
  int64_t coefficients = 13;       ///< of "mfcc"
  int64_t deltas = 0;              ///< 0, 1 (with first) or 2 (with second derivatives)
  std::string normalise = "none";  ///< "none", "utterance" or "train" (then see FeatureScaling)
};

/// How letters became symbols: what data/import/alphabet.h says of them.
struct SymbolsInfo {
  std::string alphabet;  ///< "dna" or "protein"
  int64_t kmer = 1;      ///< letters of one symbol
};

/// How a table of numbers became windows.
struct SeriesInfo {
  int64_t history = 0;                ///< steps of `inputs`
  int64_t horizon = 0;                ///< steps of `future` and `known`
  std::string missing;                ///< "mask" or "forward"
  std::vector<std::string> calendar;  ///< features of the date, such as "hour"
};

/// Sums over events of likes.
struct LikeSums {
  double events = 0;
  double liked = 0;
  double leaning = 0;  ///< see data/like_statistics.h
};

/// What is known of items at the end of all events, by the number of the item.
struct LikesInfo {
  int64_t known_items = 0;  ///< numbers 1 to this have events in training
  LikeSums all;             ///< without a leaning
  std::vector<LikeSums> item_sums;
  std::vector<std::vector<int64_t>> item_categories;
  std::vector<std::vector<double>> item_numbers;  ///< features behind those of the statistics
};

/// What was done to a dense stream: stored = (value - mean) / deviation, for each feature.
struct FeatureScaling {
  std::vector<std::string> names;  ///< of the features; empty when they have none
  std::vector<double> mean;
  std::vector<double> deviation;
};

}  // namespace lockstep
