#include "data/text/matching.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "data/text/bm25.h"
#include "data/text/search_terms.h"

namespace lockstep {
namespace {

using Words = std::vector<std::string>;

std::string brief(const std::vector<TokenMatch>& matches) {
  std::string text;
  for (const TokenMatch& match : matches) text += fmt::format("{}/{} ", match.word, match.stem);
  return text;
}

TEST(MatchingTest, WordsAndBeginningsByPlaceInTheQuestion) {
  const Words question = {"Who", "founded", "the", "city", "of", "the", "Romans", "?"};
  EXPECT_EQ(brief(match_tokens(question, {"the", "founders", "of", "Roman", "cities", "?", "who"})),
            "3/3 0/2 5/5 0/7 0/0 0/0 1/1 ");
  EXPECT_EQ(brief(match_tokens(question, {"romans", "founding"})), "7/7 0/2 ");
  EXPECT_EQ(brief(match_tokens({}, {"a"})), "0/0 ");
}

TEST(MatchingTest, LettersOfOtherScriptsAreCountedAsLetters) {
  EXPECT_EQ(brief(match_tokens({"вопросами"}, {"вопросы", "вопрос", "вода"})), "0/1 0/1 0/0 ");
}

TEST(SearchTermsTest, AreWordsWhateverTheModelReads) {
  const TextRules characters{TokenKind::characters, false, false, nullptr};
  EXPECT_EQ(search_terms("Where is my parcel?", characters),
            (Words{"where", "is", "my", "parcel"}));
  EXPECT_EQ(search_terms("我的iPhone 15在哪里？", characters),
            (Words{"我", "的", "iphone", "15", "在", "哪", "里"}));
  EXPECT_EQ(search_terms("?!", characters), (Words{"?", "!"}));
  const TextRules words{TokenKind::words, false, true, nullptr};
  EXPECT_EQ(search_terms("Where is my parcel ?", words),
            (Words{"Where", "is", "my", "parcel", "?"}));
  EXPECT_EQ(search_terms("退货 label", words), (Words{"退", "货", "label"}));
}

/// Figures of rank_bm25 0.2's formula with this file's weights, worked out by hand.
TEST(Bm25Test, RarerWordsAndShorterDocumentsRankHigher) {
  Bm25 retrieval;
  retrieval.add({"reset", "your", "password"});
  retrieval.add({"change", "your", "address"});
  retrieval.add({"your", "password", "must", "have", "nine", "letters"});
  const auto found = retrieval.best({"password", "password"}, 5);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first, 0);
  EXPECT_EQ(found[1].first, 2);
  const double weight = std::log(1 + 1.5 / 2.5);
  EXPECT_NEAR(found[0].second, weight * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 4)), 1e-12);
  EXPECT_NEAR(found[1].second, weight * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 6 / 4)), 1e-12);
  EXPECT_NEAR(retrieval.best_possible({"password"}), weight * 2.2, 1e-12);
  EXPECT_GT(retrieval.best_possible({"password", "unheard"}), weight * 2.2);
  EXPECT_EQ(retrieval.best({"reset", "your"}, 1).size(), 1u);
  EXPECT_TRUE(retrieval.best({"unheard"}, 5).empty());
}

}  // namespace
}  // namespace lockstep
