#include "data/generate/lengths.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/generate/sequence_generator.h"

namespace lockstep {
namespace {

class LengthsGenerator : public SequenceGenerator {
 protected:
  void describe_own(Fields& fields) override {
    fields.add("features", features_, "numbers in a step").at_least(1).at_most(1 << 20);
    fields.add("median", median_, "median length").at_least(1).at_most(1 << 24).unit("steps");
    fields.add("sigma", sigma_, "deviation of the length's logarithm; 0: all are equally long")
        .at_least(0)
        .at_most(4);
    fields.add("longest", longest_, "lengths are cut there").at_least(1).at_most(1 << 28);
  }
  std::vector<StreamSchema> schema() override {
    return {dense_stream("inputs", ElementType::f32, features_),
            symbol_stream("classes", digit_labels())};
  }
  std::string source() const override {
    return fmt::format("noise of {} features, lengths log-normal around {}, sigma {}", features_,
                       median_, sigma_);
  }
  void make(Random random, std::vector<GeneratedStream>& streams) override {
    const double length = static_cast<double>(median_) * std::exp(sigma_ * random.normal());
    const auto steps = std::clamp<int64_t>(std::llround(length), 1, longest_);
    const auto digit = static_cast<int32_t>(random.below(10));
    // Two numbers from each draw: this also makes data sets of many gigabytes.
    for (int64_t i = 0; i < steps * features_; i += 2) {
      const uint64_t bits = random.next();
      streams[0].add(static_cast<float>(bits & 0xffffff) * 0x1p-23F - 1.0F);
      if (i + 1 < steps * features_) {
        streams[0].add(static_cast<float>(bits >> 40) * 0x1p-23F - 1.0F);
      }
    }
    streams[1].add(digit);
  }

 private:
  int64_t features_ = 40;
  int64_t median_ = 40;
  double sigma_ = 0.5;
  int64_t longest_ = 1000;
};

}  // namespace

DataToolEntry lengths_generator() {
  return {"lengths", "noise of log-normal lengths, for measurements of loading", "",
          [] { return std::make_unique<LengthsGenerator>(); }};
}

}  // namespace lockstep
