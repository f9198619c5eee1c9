#include "data/generate/lengths.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/base/error.h"
#include "data/generate/plain_math.h"
#include "data/generate/sequence_generator.h"

namespace lockstep {
namespace {

constexpr int64_t kMostSequenceBytes = int64_t{1} << 30;

class LengthsGenerator : public SequenceGenerator {
 protected:
  void describe_own(Fields& fields) override {
    fields.add("features", features_, "numbers in a step").at_least(1).at_most(1 << 20);
    fields.add("median", median_, "median length").at_least(1).at_most(1 << 24).unit("steps");
    fields.add("sigma", sigma_, "deviation of the length's logarithm; 0: all are equally long")
        .at_least(0)
        .at_most(4);
    fields.add("longest", longest_, "lengths are cut there").at_least(1).at_most(1 << 28);
    fields
        .add("total_mib", total_mib_,
             "training sequences are made until their features have this size, whatever --train "
             "says; 0: as many as --train says")
        .at_least(0)
        .at_most(1 << 30)
        .unit("MiB");
  }
  std::vector<StreamSchema> schema() override {
    if (longest_ * features_ * static_cast<int64_t>(sizeof(float)) > kMostSequenceBytes) {
      throw Error(ExitCode::usage,
                  fmt::format("a sequence of {} steps of {} features would be larger than 1 GiB",
                              longest_, features_),
                  "choose a smaller --longest or --features");
    }
    return {dense_stream("inputs", ElementType::f32, features_),
            symbol_stream("classes", digit_labels())};
  }
  std::string source() const override {
    return fmt::format("noise of {} features, lengths log-normal around {}, sigma {}", features_,
                       median_, sigma_);
  }
  void make(Random random, std::vector<GeneratedStream>& streams) override {
    const double length = static_cast<double>(median_) * plain_exp(sigma_ * random.normal());
    const auto steps = std::clamp<int64_t>(std::llround(length), 1, longest_);
    const auto digit = static_cast<int32_t>(random.below(10));
    fill(random, steps * features_);
    streams[0].add_all(values_);
    streams[1].add(digit);
  }

  int64_t wanted_training_bytes() const override { return total_mib_ << 20; }

 private:
  /// Two numbers from each draw: this also makes data sets of many gigabytes.
  void fill(Random& random, int64_t count) {
    values_.resize(static_cast<size_t>(count));
    for (size_t i = 0; i < values_.size(); i += 2) {
      const uint64_t bits = random.next();
      values_[i] = static_cast<float>(bits & 0xffffff) * 0x1p-23F - 1.0F;
      if (i + 1 < values_.size()) values_[i + 1] = static_cast<float>(bits >> 40) * 0x1p-23F - 1.0F;
    }
  }

  int64_t features_ = 40;
  int64_t median_ = 40;
  double sigma_ = 0.5;
  int64_t longest_ = 1000;
  int64_t total_mib_ = 0;
  std::vector<float> values_;
};

}  // namespace

DataToolEntry lengths_generator() {
  return {"lengths", "noise of log-normal lengths, for measurements of loading", "",
          [] { return std::make_unique<LengthsGenerator>(); }};
}

}  // namespace lockstep
