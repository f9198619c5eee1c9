// Decoding and alignment against every possibility; counts against their definitions; cells
// without a forget gate against the equations.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "data/base/error.h"
#include "data/mix.h"
#include "trainer/model/lstm_stack.h"
#include "trainer/model/stripe_masks.h"
#include "trainer/tasks/class_counts.h"
#include "trainer/tasks/ctc_decoding.h"
#include "trainer/tasks/edit_distance.h"
#include "trainer/tasks/symbol_ngrams.h"
#include "trainer/tasks/task.h"

namespace lockstep {
namespace {

using torch::Tensor;
using Symbols = std::vector<int64_t>;

CtcScores scores_of(const Tensor& log_p_TC) {
  return {log_p_TC.const_data_ptr<float>(), log_p_TC.size(0), log_p_TC.size(1), log_p_TC.size(1)};
}

Symbols collapsed(const Symbols& path, int64_t blank) {
  Symbols symbols;
  for (size_t t = 0; t < path.size(); ++t) {
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) symbols.push_back(path[t]);
  }
  return symbols;
}

/// The probability of every answer, by adding up all paths.
std::map<Symbols, double> all_answers(const Tensor& log_p_TC) {
  const int64_t steps = log_p_TC.size(0), symbols = log_p_TC.size(1);
  std::map<Symbols, double> answers;
  for (int64_t number = 0; number < std::lround(std::pow(symbols, steps)); ++number) {
    Symbols path;
    double log_p = 0;
    for (int64_t t = 0, rest = number; t < steps; ++t, rest /= symbols) {
      path.push_back(rest % symbols);
      log_p += log_p_TC[t][rest % symbols].item<double>();
    }
    answers[collapsed(path, symbols - 1)] += std::exp(log_p);
  }
  return answers;
}

TEST(CtcDecoding, AWideBeamFindsTheMostLikelyAnswer) {
  int64_t differs = 0;
  for (int seed = 0; seed < 30; ++seed) {
    torch::manual_seed(seed);
    const Tensor log_p = torch::randn({5, 3}).log_softmax(1).contiguous();
    const auto answers = all_answers(log_p);
    const auto best = std::max_element(answers.begin(), answers.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    const CtcAnswer found = beam_search(scores_of(log_p), 1000);
    EXPECT_EQ(found.symbols, best->first);
    EXPECT_NEAR(std::exp(found.log_p), best->second, 1e-6);
    differs += best_path(scores_of(log_p)).symbols == best->first ? 0 : 1;
  }
  EXPECT_GT(differs, 0);  // else the search would be of no use
}

TEST(CtcDecoding, BestPathTakesOutRepeatsAndBlanks) {
  const Symbols path = {2, 0, 0, 2, 0, 1, 1, 2};
  Tensor log_p = torch::full({8, 3}, -10.0F);
  for (int64_t t = 0; t < 8; ++t) log_p[t][path[static_cast<size_t>(t)]] = -0.1F;
  const CtcAnswer answer = best_path(scores_of(log_p));
  EXPECT_EQ(answer.symbols, (Symbols{0, 0, 1}));
  EXPECT_NEAR(answer.log_p, -0.8, 1e-5);
  EXPECT_TRUE(best_path({nullptr, 0, 3, 3}).symbols.empty());
  EXPECT_TRUE(beam_search({nullptr, 0, 3, 3}, 4).symbols.empty());
}

/// log p of a sequence and its end by the table.
double log_p_of(const Symbols& symbols, const SymbolNgrams& ngrams, const Tensor& table) {
  double sum = 0;
  int64_t context = ngrams.first_context();
  for (const int64_t symbol : symbols) {
    sum += table[context][symbol].item<double>();
    context = ngrams.next_context(context, symbol);
  }
  return sum + table[context][ngrams.outcomes() - 1].item<double>();
}

TEST(CtcDecoding, NgramsAndABonusWeighAnswers) {
  SymbolNgrams ngrams(2, 3);
  for (int i = 0; i < 5; ++i) ngrams.add({0, 1, 1});
  ngrams.add({1});
  const Tensor table = ngrams.table();
  const CtcPrior prior{&ngrams, table.const_data_ptr<float>(), 1.3, 0.7};
  int64_t differs = 0;
  for (int seed = 0; seed < 20; ++seed) {
    torch::manual_seed(seed);
    const Tensor log_p = torch::randn({5, 3}).log_softmax(1).contiguous();
    Symbols best;
    double most = -INFINITY;
    for (const auto& [symbols, p] : all_answers(log_p)) {
      const double score = std::log(p) + 1.3 * log_p_of(symbols, ngrams, table) +
                           0.7 * static_cast<double>(symbols.size());
      if (score > most) best = symbols;
      most = std::max(most, score);
    }
    EXPECT_EQ(beam_search(scores_of(log_p), 1000, &prior).symbols, best);
    differs += beam_search(scores_of(log_p), 1000).symbols == best ? 0 : 1;
  }
  EXPECT_GT(differs, 0);
}

TEST(SymbolNgrams, AreWittenBellEstimates) {
  SymbolNgrams ngrams(2, 2);
  ngrams.add({0, 1, 0});
  ngrams.add({0});
  const Tensor p = ngrams.table().exp();
  ASSERT_EQ(p.sizes(), at::IntArrayRef(ngrams.shape()));
  // Of six outcomes three are 0, one is 1 and two are the end: three kinds.
  const std::vector<double> shorter = {4.0 / 9, 2.0 / 9, 3.0 / 9};
  for (int64_t symbol = 0; symbol < 3; ++symbol) {
    const double one = shorter[static_cast<size_t>(symbol)];
    const double behind_0[] = {0, 1, 2}, behind_1[] = {1, 0, 0}, at_beginning[] = {2, 0, 0};
    EXPECT_NEAR(p[0][symbol].item<double>(), (behind_0[symbol] + 2 * one) / 5, 1e-6);
    EXPECT_NEAR(p[1][symbol].item<double>(), (behind_1[symbol] + one) / 2, 1e-6);
    EXPECT_NEAR(p[2][symbol].item<double>(), (at_beginning[symbol] + one) / 3, 1e-6);
  }
  EXPECT_LT((p.sum(1) - 1).abs().max().item<double>(), 1e-6);
  EXPECT_THROW(SymbolNgrams(1000, 3), Error);
}

int64_t distance(const Symbols& a, size_t i, const Symbols& b, size_t j) {
  if (i == a.size()) return static_cast<int64_t>(b.size() - j);
  if (j == b.size()) return static_cast<int64_t>(a.size() - i);
  return std::min({distance(a, i + 1, b, j + 1) + (a[i] == b[j] ? 0 : 1),
                   distance(a, i + 1, b, j) + 1, distance(a, i, b, j + 1) + 1});
}

TEST(EditDistance, IsTheFewestEditsAndTheirKindsFit) {
  Random random(3);
  const auto draw = [&] {
    Symbols symbols(random.below(6));
    for (int64_t& symbol : symbols) symbol = static_cast<int64_t>(random.below(3));
    return symbols;
  };
  for (int i = 0; i < 200; ++i) {
    const Symbols right = draw(), answer = draw();
    const EditCounts counts = count_edits(right, answer);
    EXPECT_EQ(counts.errors(), distance(right, 0, answer, 0));
    EXPECT_EQ(counts.length + counts.insertions - counts.deletions,
              static_cast<int64_t>(answer.size()));
  }
  const EditCounts counts = count_edits({1, 2, 3, 4}, {1, 9, 3, 4, 5});
  EXPECT_EQ(counts.substitutions, 1);
  EXPECT_EQ(counts.insertions, 1);
  EXPECT_EQ(counts.deletions, 0);
}

TEST(EditDistance, WordsStandBetweenSeparators) {
  Symbols right, answer;
  split_into_words(0, {0, 1, 2, 0, 0, 3}, {1, 2, 0, 4, 0}, right, answer);
  ASSERT_EQ(right.size(), 2U);
  ASSERT_EQ(answer.size(), 2U);
  EXPECT_EQ(right[0], answer[0]);
  EXPECT_NE(right[1], answer[1]);
}

double figure(const Metrics& metrics, const std::string& name) {
  for (const auto& [own, value] : metrics) {
    if (own == name) return value;
  }
  ADD_FAILURE() << name;
  return NAN;
}

TEST(ClassCounts, FiguresOfTwoClasses) {
  torch::manual_seed(5);
  const Tensor labels = torch::randint(0, 2, {400}, torch::kInt64);
  Tensor logits = torch::randn({400, 2});
  logits.select(1, 1) += labels.to(torch::kFloat32);
  Tensor with_padding = labels.clone();
  with_padding[7] = -100;
  const ClassCounts counts(2, {"no", "yes"}, "");
  const Tensor sums = counts.count(logits, with_padding).to(torch::kFloat64);
  ASSERT_EQ(sums.numel(), counts.size());
  std::vector<std::string> names;
  counts.add_names(names);
  EXPECT_EQ(static_cast<int64_t>(names.size()), counts.size());
  Metrics metrics;
  counts.add_metrics(sums.const_data_ptr<double>(), metrics);

  double table[2][2] = {};
  double pairs = 0, won = 0;
  for (int64_t i = 0; i < 400; ++i) {
    if (i == 7) continue;
    const auto label = labels[i].item<int64_t>();
    table[label][logits[i].argmax().item<int64_t>()] += 1;
    for (int64_t j = 0; label == 1 && j < 400; ++j) {
      if (j == 7 || labels[j].item<int64_t>() == 1) continue;
      const auto odds = [&](int64_t row) {
        return (logits[row][1] - logits[row][0]).item<double>();
      };
      pairs += 1;
      won += odds(i) > odds(j) ? 1 : 0;
    }
  }
  const double tn = table[0][0], fp = table[0][1], fn = table[1][0], tp = table[1][1];
  EXPECT_DOUBLE_EQ(figure(metrics, "accuracy"), (tp + tn) / 399);
  EXPECT_NEAR(figure(metrics, "mcc"),
              (tp * tn - fp * fn) / std::sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
              1e-12);
  EXPECT_NEAR(figure(metrics, "auc"), won / pairs, 0.01);
  const auto classes = counts.class_metrics(sums.const_data_ptr<double>());
  ASSERT_EQ(classes.size(), 2U);
  EXPECT_EQ(classes[1].first, "yes");
  EXPECT_DOUBLE_EQ(figure(classes[1].second, "precision"), tp / (tp + fp));
  EXPECT_DOUBLE_EQ(figure(classes[1].second, "recall"), tp / (tp + fn));
}

/// The layer step by step; c[t] = c[t - 1] + i g.
Tensor without_forget_gate_by_steps(const Tensor& x_TBI, LstmStack& stack) {
  const auto weights = stack->named_parameters();
  const Tensor bias = weights["bias_ih_l0"] + weights["bias_hh_l0"];
  Tensor h = torch::zeros({x_TBI.size(1), weights["weight_hh_l0"].size(1)}), c = h;
  std::vector<Tensor> steps;
  for (int64_t t = 0; t < x_TBI.size(0); ++t) {
    const auto gates = (torch::mm(x_TBI[t], weights["weight_ih_l0"].t()) +
                        torch::mm(h, weights["weight_hh_l0"].t()) + bias)
                           .chunk(4, 1);
    c = c + gates[0].sigmoid() * gates[2].tanh();
    h = gates[3].sigmoid() * c.tanh();
    steps.push_back(h);
  }
  return torch::stack(steps);
}

TEST(ForgetGate, SwitchedOffKeepsTheCell) {
  for (const char* kernel : {"cpu", "aten"}) {
    torch::manual_seed(2);
    ModelConfig config;
    config.hidden_size = 7;
    config.forget_gate = false;
    config.kernel = kernel;
    LstmStack stack(3, config);
    const Tensor x = torch::randn({40, 5, 3});
    const Tensor got = stack->forward(x, Lengths(5, 40), {});
    const Tensor want = without_forget_gate_by_steps(x, stack);
    EXPECT_LT((got - want).abs().max().item<double>(), 2e-5) << kernel;
    const auto parameters = stack->parameters();
    const auto got_gradients = torch::autograd::grad({got.square().sum()}, parameters);
    const auto want_gradients = torch::autograd::grad({want.square().sum()}, parameters);
    for (size_t i = 0; i < parameters.size(); ++i) {
      EXPECT_LT((got_gradients[i] - want_gradients[i]).abs().max().item<double>(), 2e-3) << i;
      EXPECT_EQ(got_gradients[i].narrow(0, 7, 7).abs().max().item<double>(), 0);
    }
  }
}

TEST(StripeMasks, DependOnTheSampleOnlyAndStayNarrow) {
  ModelConfig config;
  config.mask_steps = 9;
  config.mask_features = 3;
  const std::vector<int64_t> ids = {4, 8, 15}, alone = {8};
  const Tensor x = torch::ones({40, 3, 10});
  const Lengths lengths = {40, 20, 3};
  const Tensor all = mask_stripes(x, lengths, config, {true, 1, 7, &ids}, 0);
  const Tensor one = mask_stripes(x.narrow(1, 0, 1), {20}, config, {true, 1, 7, &alone}, 0);
  EXPECT_TRUE(torch::equal(all.select(1, 1), one.select(1, 0)));
  EXPECT_TRUE(torch::equal(mask_stripes(x, lengths, config, {}, 0), x));
  for (int64_t b = 0; b < 3; ++b) {
    const Tensor own = all.select(1, b);
    const int64_t steps = own.sum(1).eq(0).sum().item<int64_t>();
    const int64_t features = own.sum(0).eq(0).sum().item<int64_t>();
    EXPECT_LE(steps, 2 * std::min<int64_t>(9, lengths[static_cast<size_t>(b)] / 4));
    EXPECT_LE(features, 6);
  }
  EXPECT_LT(all.sum().item<double>(), x.sum().item<double>());
}

TEST(Embedding, FreshNumbersFillTheBound) {
  const nlohmann::json symbols = {{"vocabulary", 40}, {"labels", nlohmann::json::array()}};
  nlohmann::json text = symbols;
  text["tokens"] = "words";
  const nlohmann::json classes = {
      {"inputs", symbols},
      {"heads", {{{"target", "kind"}, {"classes", 3}, {"labels", {"a", "b", "c"}}}}}};
  ModelConfig config;
  config.embedding_size = 50;
  config.embedding_bound = 2;
  for (const auto& [name, description] :
       {std::pair{"sequence_classification", classes}, std::pair{"language_model", text}}) {
    torch::manual_seed(1);
    const auto task = find_task(name).make(config, description);
    const Tensor fresh = task->model().named_parameters()["embedding_weight"];
    const auto largest = fresh.abs().max().item<double>();
    EXPECT_LE(largest, 2) << name;
    EXPECT_GT(largest, 1.9) << name;
  }
}

}  // namespace
}  // namespace lockstep
