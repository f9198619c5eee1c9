#include "data/generate/reber.h"

#include <fmt/format.h>

#include "data/generate/sequence_generator.h"

namespace lockstep {
namespace {

enum : int32_t { kB, kT, kP, kS, kX, kV, kE, kReberSymbols };

struct ReberArrow {
  int32_t symbol;
  int to;
};

/// Leaving each state of Reber's graph (1967), from behind its B to before its E.
constexpr ReberArrow kReberArrows[5][2] = {{{kT, 1}, {kP, 2}},
                                           {{kS, 1}, {kX, 3}},
                                           {{kT, 2}, {kV, 4}},
                                           {{kX, 2}, {kS, 5}},
                                           {{kP, 3}, {kV, 5}}};
constexpr int kReberEnd = 5;

/// A symbol, and which ones could have stood in its place.
struct ReberStep {
  int32_t symbol;
  uint32_t legal;  ///< a bit for each symbol
};

ReberStep certain(int32_t symbol) {
  return {symbol, 1U << symbol};
}

ReberStep either(Random& random, int32_t one, int32_t other) {
  return {random.below(2) == 0 ? one : other, 1U << one | 1U << other};
}

void append_embedded_string(Random& random, std::vector<ReberStep>& steps) {
  steps.push_back(certain(kB));
  const ReberStep gate = either(random, kT, kP);
  steps.push_back(gate);
  steps.push_back(certain(kB));
  for (int state = 0; state != kReberEnd;) {
    const auto& [one, other] = kReberArrows[state];
    const ReberStep step = either(random, one.symbol, other.symbol);
    steps.push_back(step);
    state = step.symbol == one.symbol ? one.to : other.to;
  }
  steps.push_back(certain(kE));
  steps.push_back(certain(gate.symbol));
  steps.push_back(certain(kE));
}

class ReberGenerator : public SequenceGenerator {
 protected:
  void describe_own(Fields& fields) override {
    fields
        .add("continual", continual_,
             "so many strings behind each other make a sequence; 0: each is one")
        .at_least(0)
        .at_most(1 << 20)
        .unit("strings");
  }
  std::vector<StreamSchema> schema() override {
    const std::vector<std::string> symbols = {"B", "T", "P", "S", "X", "V", "E"};
    return {symbol_stream("inputs", symbols), dense_stream("legal", ElementType::u8, kReberSymbols),
            symbol_stream("next", symbols)};
  }
  std::string source() const override {
    return continual_ > 0 ? fmt::format("continual embedded Reber grammar, {} strings", continual_)
                          : "embedded Reber grammar";
  }
  void make(Random random, std::vector<GeneratedStream>& streams) override {
    std::vector<ReberStep> steps;
    for (int64_t i = 0; i < std::max<int64_t>(1, continual_); ++i) {
      append_embedded_string(random, steps);
    }
    if (continual_ > 0) steps.push_back(certain(kB));  // what follows the last string
    for (size_t t = 0; t + 1 < steps.size(); ++t) {
      streams[0].add(steps[t].symbol);
      for (int32_t symbol = 0; symbol < kReberSymbols; ++symbol) {
        streams[1].add(static_cast<uint8_t>(steps[t + 1].legal >> symbol & 1));
      }
      streams[2].add(steps[t + 1].symbol);
    }
  }

 private:
  int64_t continual_ = 0;
};

}  // namespace

DataToolEntry reber_generator() {
  return {"reber", "the embedded Reber grammar, whose strings end as they began", "",
          [] { return std::make_unique<ReberGenerator>(); }};
}

}  // namespace lockstep
