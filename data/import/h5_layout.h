// Where the sequences of an HDF5 file lie that another program wrote.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/shard_file.h"

namespace lockstep {

/// One stream of a file and how its array is cut into sequences.
struct H5Stream {
  std::string name;  ///< "inputs", or a target's name
  std::string path;  ///< of the array
  ElementType element = ElementType::f32;
  int rank = 1;                  ///< of the array
  int64_t width = 1;             ///< numbers in a row of the array
  int64_t features = 0;          ///< 0: symbols
  bool is_padded = false;        ///< a row is a whole sequence with padding; else it is one step
  int64_t row_steps = 1;         ///< in a row, the padding counted
  std::vector<int64_t> lengths;  ///< one per sequence
  int64_t num_classes = 0;       ///< 0: the file does not tell
  std::vector<std::string> labels;
};

struct H5Layout {
  std::vector<H5Stream> streams;  ///< inputs first, then targets in sorted order
  std::vector<std::string> tags;  ///< empty when there are none that can be read

  int64_t sequences() const { return static_cast<int64_t>(streams[0].lengths.size()); }
};

/// The arrays a user named. A target is NAME=ARRAY or NAME=ARRAY:LENGTHS.
struct H5Names {
  std::string inputs;
  std::string lengths;  ///< empty: all sequences are equally long
  std::vector<std::string> targets;
};

/// RETURNN's layout, as FORMAT.md has it and as RETURNN's own writers vary it: one column of
/// lengths for all targets, unknown numbers of classes, texts of variable length as tags. Throws
/// Error(corrupt) when something does not fit, naming file and data set.
H5Layout returnn_layout(const ShardFile& file);

/// Arrays by name. With lengths [N]: [N, T, F] or [N, T] padded at the end, or [sum of lengths, F]
/// or [sum of lengths]; without: [N, T, F], or [N, F] and [N] of one step. A target without lengths
/// of its own has those of the inputs where its rows are as many steps, or sequences padded alike,
/// or else one step a sequence.
/// Integers without an axis of features are symbols. Throws Error: usage for a malformed target,
/// corrupt when something does not fit.
H5Layout named_layout(const ShardFile& file, const H5Names& names);

}  // namespace lockstep
