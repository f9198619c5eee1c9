// What generators of sequences share: counts of splits, a seed, and writing. Each sequence is a
// pure function of (seed, split, index), and computed with integers and with +, -, *, / of doubles
// only (data/generate/plain_math.h has the rest), so any machine gives the same bytes.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "data/data_tool.h"
#include "data/dense_stream.h"
#include "data/manifest.h"
#include "data/mix.h"
#include "data/shard_writer.h"

namespace lockstep {

/// One stream of a sequence while it is made.
class GeneratedStream {
 public:
  /// One value of the stream's element type; a step has as many as the stream has features, or one.
  template <class T>
  void add(T value) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
    ++values_;
  }
  template <class T>
  void add_all(const std::vector<T>& values) {
    const size_t at = bytes_.size();
    bytes_.resize(at + values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(bytes_.data() + at, values.data(), values.size() * sizeof(T));
    values_ += static_cast<int64_t>(values.size());
  }
  void clear() {
    bytes_.clear();
    values_ = 0;
  }
  int64_t values() const { return values_; }
  int64_t bytes() const { return static_cast<int64_t>(bytes_.size()); }
  const void* data() const { return bytes_.data(); }

 private:
  std::vector<char> bytes_;
  int64_t values_ = 0;
};

class SequenceGenerator : public DataTool {
 public:
  void describe(Fields& fields) final;
  void run(const std::vector<std::filesystem::path>& sources, const std::filesystem::path& out,
           const Progress& progress) final;

 protected:
  virtual void describe_own(Fields& fields) = 0;
  /// Inputs first, then targets in sorted order. Throws Error(usage) when options do not fit.
  virtual std::vector<StreamSchema> schema() = 0;
  /// "the adding problem, ...", for the manifest.
  virtual std::string source() const = 0;
  /// Makes one sequence: one empty stream for each of schema().
  virtual void make(Random random, std::vector<GeneratedStream>& streams) = 0;
  /// Above 0: the training split ends when its inputs have so many bytes, whatever `--train` says.
  virtual int64_t wanted_training_bytes() const { return 0; }

 private:
  SplitInfo write_split(const std::string& name, uint64_t number, int64_t count,
                        const std::filesystem::path& folder,
                        const std::vector<StreamSchema>& streams, const Progress& progress);

  std::array<int64_t, 3> counts_{10000, 0, 1000};
  int64_t seed_ = 1;
  ShardLimits limits_;
};

/// How many things a sequence is made of: `--shortest` to `--longest`, all equally likely.
struct CountRange {
  int64_t shortest = 3;
  int64_t longest = 7;

  /// `things` in the help texts: "digits in ... strip".
  void describe(Fields& fields, const std::string& things, const std::string& whole);
  /// Throws Error(usage) when there is none.
  void check() const;
  int64_t draw(Random& random) const;
};

StreamSchema symbol_stream(const std::string& name, std::vector<std::string> labels);

/// "0" to "9".
std::vector<std::string> digit_labels();

}  // namespace lockstep
