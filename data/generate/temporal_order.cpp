#include "data/generate/temporal_order.h"

#include <fmt/format.h>

#include "data/generate/sequence_generator.h"

namespace lockstep {
namespace {

constexpr int32_t kSymbolX = 4, kSymbolE = 6, kSymbolB = 7;

class TemporalOrderGenerator : public SequenceGenerator {
 protected:
  void describe_own(Fields& fields) override {
    fields.add("relevant", relevant_, "how many symbols count: 2 (problem 6a) or 3 (problem 6b)")
        .at_least(2)
        .at_most(3);
  }
  std::vector<StreamSchema> schema() override {
    std::vector<std::string> orders;
    for (int64_t number = 0; number < int64_t{1} << relevant_; ++number) {
      std::string order;
      for (int64_t i = 0; i < relevant_; ++i) order += (number >> i & 1) == 0 ? 'X' : 'Y';
      orders.push_back(order);
    }
    return {symbol_stream("inputs", {"a", "b", "c", "d", "X", "Y", "E", "B"}),
            symbol_stream("order", orders)};
  }
  std::string source() const override {
    return fmt::format("temporal order of {} symbols", relevant_);
  }
  void make(Random random, std::vector<GeneratedStream>& streams) override {
    const auto length = 100 + static_cast<int64_t>(random.below(11));
    std::vector<int32_t> symbols;
    for (int64_t t = 0; t < length; ++t) symbols.push_back(static_cast<int32_t>(random.below(4)));
    symbols.front() = kSymbolE;
    symbols.back() = kSymbolB;
    const std::vector<int64_t> begins =
        relevant_ == 2 ? std::vector<int64_t>{10, 50} : std::vector<int64_t>{10, 33, 66};
    int32_t order = 0;
    for (size_t i = 0; i < begins.size(); ++i) {
      const auto place = static_cast<size_t>(begins[i]) + random.below(11);
      const auto which = static_cast<int32_t>(random.below(2));
      symbols[place] = kSymbolX + which;
      order |= which << i;
    }
    for (const int32_t symbol : symbols) streams[0].add(symbol);
    streams[1].add(order);
  }

 private:
  int64_t relevant_ = 2;
};

}  // namespace

DataToolEntry temporal_order_generator() {
  return {"temporal-order", "the order of two or three symbols among a hundred others", "",
          [] { return std::make_unique<TemporalOrderGenerator>(); }};
}

}  // namespace lockstep
