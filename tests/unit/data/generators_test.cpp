// Generated problems: the same bytes every time, and targets worked out anew from the inputs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <set>

#include "data/base/sha256.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/element_type.h"
#include "data/generate/plain_math.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/tool_run.h"

namespace lockstep {
namespace {

const DataToolEntry& generator(const std::string& kind) {
  const auto& all = generators();
  return *std::find_if(all.begin(), all.end(),
                       [&](const DataToolEntry& entry) { return entry.kind == kind; });
}

class GeneratorsTest : public ::testing::Test {
 protected:
  void generate(const std::string& kind, testing::ToolOptions options = {}) {
    options.try_emplace("train", "200");
    options.try_emplace("test", "20");
    std::filesystem::remove_all(out_);
    testing::run_tool(generator(kind), {}, out_, options);
    dataset_ = std::make_unique<Dataset>(out_);
    split_ = std::make_unique<Split>(dataset_->open_split("train"));
  }
  std::vector<int64_t> symbols(int64_t id, size_t stream) const {
    return split_->symbols(id, stream);
  }
  /// Stored numbers, not scaled.
  std::vector<float> numbers(int64_t id, size_t stream) const {
    StreamSchema schema = split_->streams()[stream];
    schema.scale = 1;
    std::vector<float> values(static_cast<size_t>(split_->length(id, stream) * schema.features));
    DenseConverter{schema}(stored(id, stream).data(), 1, static_cast<int64_t>(values.size()),
                           values.data(), 0);
    return values;
  }
  std::vector<char> stored(int64_t id, size_t stream) const {
    std::vector<char> bytes(
        static_cast<size_t>(split_->length(id, stream)) * row_bytes(split_->streams()[stream]) + 1);
    split_->read(id, stream, bytes.data());
    return bytes;
  }

  testing::TempFolder folder_;
  std::filesystem::path out_ = folder_ / "out";
  std::unique_ptr<Dataset> dataset_;
  std::unique_ptr<Split> split_;
};

TEST_F(GeneratorsTest, TheSeedAloneDecidesTheBytes) {
  for (const DataToolEntry& entry : generators()) {
    std::vector<std::string> hashes;
    for (const char* seed : {"1", "1", "2"}) {
      generate(entry.kind, {{"train", "40"}, {"test", "5"}, {"seed", seed}});
      hashes.push_back(testing::shard_hashes(out_));
      EXPECT_EQ(split_->size(), 40) << entry.kind;
    }
    EXPECT_EQ(hashes[0], hashes[1]) << entry.kind;
    EXPECT_NE(hashes[0], hashes[2]) << entry.kind;
  }
}

TEST_F(GeneratorsTest, AddingMarksTwoNumbersAndTellsTheirSum) {
  generate("adding", {{"length", "50"}});
  for (int64_t id = 0; id < split_->size(); ++id) {
    const std::vector<float> steps = numbers(id, 0);
    const auto length = steps.size() / 2;
    EXPECT_TRUE(length >= 50 && length <= 55) << length;
    double sum = 0;
    int marks = 0;
    for (size_t t = 0; t < length; ++t) {
      EXPECT_LE(std::abs(steps[2 * t]), 1);
      const float marker = steps[2 * t + 1];
      EXPECT_EQ(marker == -1, t == 0 || t + 1 == length);
      if (marker != 1) continue;
      EXPECT_LT(t, 25u);
      ++marks;
      sum += static_cast<double>(steps[2 * t]);
    }
    EXPECT_TRUE(marks == 2 || marks == 1) << "one when the other mark would be on the first step";
    EXPECT_FLOAT_EQ(numbers(id, 1).at(0), static_cast<float>(0.5 + sum / 4));
  }
}

TEST_F(GeneratorsTest, TemporalOrderTellsTheOrderOfXAndY) {
  for (const char* relevant : {"2", "3"}) {
    generate("temporal-order", {{"relevant", relevant}});
    std::set<std::string> orders;
    for (int64_t id = 0; id < split_->size(); ++id) {
      const std::string text = testing::text_of(out_, "train", id, "inputs");
      EXPECT_EQ(text.front(), 'E');
      EXPECT_EQ(text.back(), 'B');
      std::string order;
      for (const char c : text) {
        if (c == 'X' || c == 'Y') order += c;
      }
      EXPECT_EQ(testing::text_of(out_, "train", id, "order"), order);
      orders.insert(order);
      if (id >= 60) break;  // text_of opens the data set each time
    }
    EXPECT_EQ(orders.size(), relevant[0] == '2' ? 4u : 8u);
  }
}

/// Reber's grammar, written down a second time: what may follow in each state, and where it leads.
const std::map<int, std::map<char, int>>& reber_automaton() {
  static const std::map<int, std::map<char, int>> states = {{0, {{'B', 1}}},
                                                            {1, {{'T', 2}, {'P', 3}}},
                                                            {2, {{'S', 2}, {'X', 4}}},
                                                            {3, {{'T', 3}, {'V', 5}}},
                                                            {4, {{'X', 3}, {'S', 6}}},
                                                            {5, {{'P', 4}, {'V', 6}}},
                                                            {6, {{'E', 7}}}};
  return states;
}

/// For every symbol of embedded strings, the symbols that could have stood there.
std::vector<std::string> legal_symbols(const std::string& text) {
  std::vector<std::string> legal;
  size_t at = 0;
  const auto take = [&](const std::string& choices) {
    EXPECT_NE(choices.find(text.at(at)), std::string::npos) << text << " at " << at;
    legal.push_back(choices);
    return text[at++];
  };
  while (at < text.size()) {
    take("B");
    if (at == text.size()) break;  // a continual sequence's last successor
    const char gate = take("TP");
    for (int state = 0; state != 7;) {
      std::string choices;
      for (const auto& [symbol, next] : reber_automaton().at(state)) choices += symbol;
      state = reber_automaton().at(state).at(take(choices));
    }
    take(std::string(1, gate));
    take("E");
  }
  return legal;
}

TEST_F(GeneratorsTest, ReberStringsAreOfTheGrammarAndLegalSuccessorsRight) {
  const std::string names = "BTPSXVE";
  for (const char* continual : {"0", "12"}) {
    generate("reber", {{"continual", continual}});
    for (int64_t id = 0; id < split_->size(); ++id) {
      const std::vector<int64_t> inputs = symbols(id, 0);
      const std::vector<int64_t> next = symbols(id, 2);
      const std::vector<float> legal = numbers(id, 1);
      ASSERT_EQ(inputs.size(), next.size());
      std::string text(1, names[static_cast<size_t>(inputs[0])]);
      for (const int64_t symbol : next) text += names[static_cast<size_t>(symbol)];
      for (size_t t = 1; t < inputs.size(); ++t) EXPECT_EQ(inputs[t], next[t - 1]);
      const std::vector<std::string> expected = legal_symbols(text);
      ASSERT_EQ(expected.size(), text.size());
      for (size_t t = 0; t < next.size(); ++t) {
        for (size_t k = 0; k < names.size(); ++k) {
          EXPECT_EQ(legal[t * 7 + k] == 1, expected[t + 1].find(names[k]) != std::string::npos)
              << text << " step " << t;
        }
      }
    }
  }
}

TEST_F(GeneratorsTest, GridPathsLeadToTheGoalAndAreShortest) {
  generate("grid-paths", {{"side", "7"}});
  for (int64_t id = 0; id < split_->size(); ++id) {
    const std::vector<float> map = numbers(id, 0);
    const auto cell = [&](int64_t row, int64_t part, int64_t column) {
      return map[static_cast<size_t>(row * 21 + part * 7 + column)] == 1;
    };
    // Distances from the start by relaxing until nothing changes.
    std::vector<int64_t> distance(49, 1000);
    int64_t start = -1;
    int64_t goal = -1;
    for (int64_t i = 0; i < 49; ++i) {
      if (cell(i / 7, 1, i % 7)) start = i;
      if (cell(i / 7, 2, i % 7)) goal = i;
    }
    distance[static_cast<size_t>(start)] = 0;
    const auto step = [&](int64_t from, int64_t move) -> int64_t {
      const int64_t row = from / 7 + (move == 0 ? -1 : move == 3 ? 1 : 0);
      const int64_t column = from % 7 + (move == 1 ? -1 : move == 2 ? 1 : 0);
      const bool inside = row >= 0 && row < 7 && column >= 0 && column < 7;
      return inside && !cell(row, 0, column) ? row * 7 + column : -1;
    };
    for (int round = 0; round < 49; ++round) {
      for (int64_t i = 0; i < 49; ++i) {
        for (int64_t move = 0; move < 4; ++move) {
          const int64_t next = step(i, move);
          if (next < 0) continue;
          distance[static_cast<size_t>(next)] =
              std::min(distance[static_cast<size_t>(next)], distance[static_cast<size_t>(i)] + 1);
        }
      }
    }
    int64_t place = start;
    const std::vector<int64_t> moves = symbols(id, 1);
    for (const int64_t move : moves) {
      place = step(place, move);
      ASSERT_GE(place, 0) << "into a wall";
    }
    EXPECT_EQ(place, goal);
    EXPECT_EQ(static_cast<int64_t>(moves.size()), distance[static_cast<size_t>(goal)]);
  }
}

TEST_F(GeneratorsTest, MovingDigitsMoveSmoothlyIntoTheFuture) {
  generate("moving-digits",
           {{"digits", "1"}, {"train", "30"}, {"frames", "6"}, {"future_frames", "4"}});
  for (int64_t id = 0; id < split_->size(); ++id) {
    std::vector<float> video = numbers(id, 0);
    const std::vector<float> future = numbers(id, 1);
    video.insert(video.end(), future.begin(), future.end());
    ASSERT_EQ(video.size(), 10u * 32 * 32);
    double before_x = 0, before_y = 0, ink_before = 0;
    for (size_t t = 0; t < 10; ++t) {
      double ink = 0, x = 0, y = 0;
      for (size_t i = 0; i < 1024; ++i) {
        const double pixel = static_cast<double>(video[t * 1024 + i]);
        ink += pixel;
        x += pixel * static_cast<double>(i % 32);
        y += pixel * static_cast<double>(i / 32);
      }
      ASSERT_GT(ink, 0);
      if (t > 0) {
        EXPECT_NEAR(ink, ink_before, 1e-9) << "the same digit in every frame";
        EXPECT_LE(std::abs(x / ink - before_x), 4.01) << "at most 3 pixels and rounding";
        EXPECT_LE(std::abs(y / ink - before_y), 4.01);
      }
      before_x = x / ink;
      before_y = y / ink;
      ink_before = ink;
    }
  }
}

TEST_F(GeneratorsTest, StripsAreAsLongAsTheirCaptions) {
  generate("digit-strip", {{"shortest", "2"}, {"longest", "5"}});
  std::set<size_t> lengths;
  for (int64_t id = 0; id < split_->size(); ++id) {
    const auto digits = static_cast<int64_t>(symbols(id, 1).size());
    lengths.insert(static_cast<size_t>(digits));
    EXPECT_GE(split_->length(id, 0), 17 * digits);
    EXPECT_LE(split_->length(id, 0), 21 * digits);
  }
  EXPECT_EQ(lengths, (std::set<size_t>{2, 3, 4, 5}));
}

TEST_F(GeneratorsTest, TonesTellWordsApart) {
  // Strings of one word: the mean over time of each word's features is nearest to its own kind's.
  generate("tones", {{"shortest", "1"}, {"longest", "1"}});
  const auto features = [&](int64_t id) {
    const std::vector<float> steps = numbers(id, 0);
    std::vector<double> mean(16);
    for (size_t i = 0; i < steps.size(); ++i) {
      mean[i % 16] += static_cast<double>(steps[i]) / static_cast<double>(steps.size() / 16);
    }
    return mean;
  };
  std::map<int64_t, std::vector<double>> centres;
  std::map<int64_t, int> counts;
  for (int64_t id = 0; id < 100; ++id) {
    const int64_t word = symbols(id, 1).at(0);
    std::vector<double>& centre = centres[word];
    centre.resize(16);
    const std::vector<double> own = features(id);
    for (size_t i = 0; i < 16; ++i) centre[i] += own[i];
    ++counts[word];
  }
  int right = 0;
  for (int64_t id = 100; id < 200; ++id) {
    const std::vector<double> own = features(id);
    int64_t nearest = -1;
    double least = 1e30;
    for (const auto& [word, centre] : centres) {
      double distance = 0;
      for (size_t i = 0; i < 16; ++i) distance += std::pow(own[i] - centre[i] / counts[word], 2);
      if (distance < least) least = distance, nearest = word;
    }
    right += nearest == symbols(id, 1).at(0) ? 1 : 0;
  }
  EXPECT_GT(right, 90);
}

TEST_F(GeneratorsTest, LengthsAreLogNormal) {
  generate("lengths", {{"train", "3000"}, {"features", "2"}, {"median", "40"}, {"sigma", "0.5"}});
  std::vector<int64_t> lengths;
  for (int64_t id = 0; id < split_->size(); ++id) lengths.push_back(split_->length(id, 0));
  std::sort(lengths.begin(), lengths.end());
  EXPECT_NEAR(static_cast<double>(lengths[1500]), 40, 2);
  EXPECT_NEAR(static_cast<double>(lengths[2523]), 40 * std::exp(0.5), 4) << "one deviation above";
}

TEST_F(GeneratorsTest, LengthsGoOnUntilTheSizeIsReached) {
  generate("lengths", {{"train", "1"}, {"total_mib", "3"}, {"features", "16"}});
  const int64_t bytes = split_->total_steps(0) * 16 * 4;
  EXPECT_GE(bytes, 3 << 20);
  EXPECT_LT(bytes, (3 << 20) + 1000 * 16 * 4);
  testing::expect_error(ExitCode::usage, "larger than 1 GiB", [&] {
    generate("lengths", {{"features", "1000"}, {"longest", "1000000"}});
  });
}

// What generators without fonts make at seed 1: no compiler, library or processor may change it.
TEST_F(GeneratorsTest, GiveTheseValuesOnAnyMachine) {
  const std::map<std::string, std::string> expected{
      {"adding", "f2dc5af062091f21"},         {"grid-paths", "0f7c5a787713e07d"},
      {"lengths", "a3df2cc176e29a36"},        {"reber", "cfea97aaa229f70d"},
      {"temporal-order", "c298783e5e5af3f5"}, {"tones", "682353dbad31a6fe"}};
  for (const auto& [kind, digest] : expected) {
    generate(kind, {{"train", "20"}, {"test", "0"}});
    Sha256 hash;
    for (int64_t id = 0; id < split_->size(); ++id) {
      for (size_t stream = 0; stream < split_->streams().size(); ++stream) {
        const std::vector<char> bytes = stored(id, stream);
        hash.update(bytes.data(), bytes.size() - 1);  // stored() gives a byte too many
      }
    }
    EXPECT_EQ(hash.hex_digest().substr(0, 16), digest) << kind;
  }
}

/// Whether places are those of a point that flies evenly between 0 and `room`, to a pixel, after a
/// margin that is the same in all.
bool is_one_flight(const std::vector<int64_t>& places, double room) {
  for (double margin = 0; margin <= 8; ++margin) {
    for (double start = -0.5; start <= 0.5; start += 0.25) {
      for (double velocity = -3; velocity <= 3; velocity += 1.0 / 32) {
        double at = static_cast<double>(places[0]) - margin + start;
        double speed = velocity;
        bool fits = at > -1 && at < room + 1;
        for (size_t t = 0; t < places.size() && fits; ++t) {
          fits = std::abs(at + margin - static_cast<double>(places[t])) <= 1.25;
          at += speed;
          if (at < 0) at = -at, speed = -speed;
          if (at > room) at = 2 * room - at, speed = -speed;
        }
        if (fits) return true;
      }
    }
  }
  return false;
}

/// The first row and the first column with ink of a picture, and the ink from there on.
std::vector<float> ink_from_corner(const float* pixels, int64_t side, int64_t& top, int64_t& left) {
  top = left = side;
  for (int64_t i = 0; i < side * side; ++i) {
    if (pixels[i] == 0) continue;
    top = std::min(top, i / side);
    left = std::min(left, i % side);
  }
  std::vector<float> ink;
  for (int64_t r = 0; r < 14; ++r) {
    for (int64_t c = 0; c < 14; ++c) {
      const bool inside = top + r < side && left + c < side;
      ink.push_back(inside ? pixels[(top + r) * side + left + c] : 0);
    }
  }
  return ink;
}

TEST_F(GeneratorsTest, FutureFramesContinueOneFlightThatBounces) {
  generate("moving-digits",
           {{"digits", "1"}, {"train", "40"}, {"frames", "12"}, {"future_frames", "9"}});
  int turns = 0;
  for (int64_t id = 0; id < split_->size(); ++id) {
    std::vector<float> film = numbers(id, 0);
    const std::vector<float> future = numbers(id, 1);
    film.insert(film.end(), future.begin(), future.end());
    std::vector<int64_t> tops(21), lefts(21);
    const std::vector<float> first = ink_from_corner(film.data(), 32, tops[0], lefts[0]);
    for (size_t t = 1; t < 21; ++t) {
      EXPECT_EQ(ink_from_corner(film.data() + t * 1024, 32, tops[t], lefts[t]), first) << id;
      if (t >= 2 && (tops[t] - tops[t - 1]) * (tops[t - 1] - tops[t - 2]) < 0) ++turns;
    }
    EXPECT_TRUE(is_one_flight(tops, 18)) << id;
    EXPECT_TRUE(is_one_flight(lefts, 18)) << id;
  }
  EXPECT_GT(turns, 10);
}

TEST(PlainMath, AgreesWithTheLibrary) {
  for (double x = -3; x < 3; x += 0.0137) {
    EXPECT_NEAR(sine_of_turns(x), std::sin(2 * std::numbers::pi * x), 1e-13) << x;
    EXPECT_NEAR(cosine_of_turns(x), std::cos(2 * std::numbers::pi * x), 1e-13) << x;
    EXPECT_NEAR(plain_exp(20 * x) / std::exp(20 * x), 1, 1e-13) << x;
    EXPECT_NEAR(plain_log(std::exp(20 * x)), 20 * x, 1e-12) << x;
  }
  EXPECT_EQ(sine_of_turns(0), 0);
  EXPECT_NEAR(sine_of_turns(1e6 + 0.25), 1, 1e-15);  // reduced exactly
  EXPECT_EQ(plain_exp(0), 1);
  EXPECT_EQ(plain_log(1), 0);
}

}  // namespace
}  // namespace lockstep
