#include "data/generate/adding.h"

#include <fmt/format.h>

#include "data/generate/sequence_generator.h"

namespace lockstep {
namespace {

class AddingGenerator : public SequenceGenerator {
 protected:
  void describe_own(Fields& fields) override {
    fields.add("length", length_, "shortest sequence; the longest is a tenth longer")
        .at_least(20)
        .at_most(1 << 20)
        .unit("steps");
  }
  std::vector<StreamSchema> schema() override {
    return {dense_stream("inputs", ElementType::f32, 2), dense_stream("sum", ElementType::f32, 1)};
  }
  std::string source() const override {
    return fmt::format("the adding problem of {} steps", length_);
  }
  void make(Random random, std::vector<GeneratedStream>& streams) override {
    const auto length =
        length_ + static_cast<int64_t>(random.below(static_cast<uint64_t>(length_ / 10 + 1)));
    const auto first = static_cast<int64_t>(random.below(10));
    auto second = first;
    while (second == first) {
      second = static_cast<int64_t>(random.below(static_cast<uint64_t>(length_ / 2)));
    }
    double sum = 0;
    for (int64_t t = 0; t < length; ++t) {
      const auto value = static_cast<float>(random.uniform(-1, 1));
      const bool marked = t == first || t == second;
      const bool edge = t == 0 || t + 1 == length;
      // A mark on the first step gives way to the -1 there, and counts as nothing.
      if (marked && !edge) sum += static_cast<double>(value);
      streams[0].add(value);
      streams[0].add(edge ? -1.0F : marked ? 1.0F : 0.0F);
    }
    streams[1].add(static_cast<float>(0.5 + sum / 4));
  }

 private:
  int64_t length_ = 100;
};

}  // namespace

DataToolEntry adding_generator() {
  return {"adding", "the adding problem: the sum of two marked numbers of a long sequence", "",
          [] { return std::make_unique<AddingGenerator>(); }};
}

}  // namespace lockstep
