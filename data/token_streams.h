// A split of symbol sequences read as one long text, for language models: the text is cut into rows
// of equal length (to one token), which are read side by side, some steps at a time (truncated
// backpropagation through time). Each token is predicted from all before it in its row.
#pragma once

#include <string>
#include <vector>

#include "data/batch_source.h"
#include "data/dataset.h"
#include "data/loader.h"

namespace lockstep {

/// Random access to the tokens of a split, all its sequences behind each other.
class TokenText {
 public:
  /// `split` must outlive this; its inputs must be symbols.
  explicit TokenText(const Split& split);

  int64_t size() const { return first_token_.back(); }
  /// Tokens [begin, end).
  void read(int64_t begin, int64_t end, int64_t* tokens);

 private:
  void load(int64_t sequence);

  const Split& split_;
  std::vector<int64_t> first_token_;  ///< of each sequence, and the end of the last
  int64_t sequence_ = -1;             ///< the one read last
  std::vector<int64_t> symbols_;      ///< of it
  std::vector<char> stored_;          ///< the same as it lies in the file
};

/// How a text is cut: a pure function of its size.
struct TokenStreamPlan {
  int64_t tokens = 0;
  int64_t rows = 1;   ///< over all ranks
  int64_t steps = 1;  ///< of each row in a batch

  /// The last token has nothing to predict, so rows share one less.
  Share row(int64_t index) const { return share_of(tokens - 1, index, rows); }
  int64_t batches_per_epoch() const { return (row(0).size() + steps - 1) / steps; }
  int64_t tokens_in_batch(int64_t index) const;
  /// SHA-256 that tells this order from any other: the epochs are alike.
  std::string order_sha256() const;
};

/// The rows of each of a rank's lanes, when `rows` are cut into that many lanes over all ranks (0:
/// one a rank).
std::vector<Share> rows_of_rank(int64_t rows, int64_t lanes, int rank, int world_size);

/// Batches of `inputs` and `targets` [steps, rows of this rank]; the rows of a rank are columns,
/// `sample_ids` their numbers. Where rows differ by a token, the shorter ones are padded with
/// kPaddingSymbol in the last batch.
class TokenStreams : public BatchSource {
 public:
  struct Options {
    int64_t rows = 1;
    int64_t steps = 35;
    std::vector<Share> lanes;  ///< rows of this rank: a range for each of its lanes, consecutive
    bool endless = true;       ///< training: goes on into the next epoch; else null at the end
    HostAllocator allocator = HostAllocator::aligned();
  };
  /// Throws Error(config) when the text is shorter than two tokens a row.
  TokenStreams(const Split& split, Options options, LoaderStart start = {});

  const TokenStreamPlan& plan() const { return plan_; }
  const Batch* next() override;
  double waited_seconds() const override { return waited_seconds_; }

 private:
  void fill(BatchStream& stream, int64_t shift);

  TokenText text_;
  TokenStreamPlan plan_;
  Options options_;
  LoaderStart position_;
  Share own_rows_;
  Batch batch_;
  std::vector<int64_t> row_tokens_;
  double waited_seconds_ = 0;
};

}  // namespace lockstep
