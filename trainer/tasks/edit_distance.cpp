#include "trainer/tasks/edit_distance.h"

#include <algorithm>
#include <map>

namespace lockstep {
namespace {

/// Numbers words in the order in which they are met.
class WordNumbers {
 public:
  std::vector<int64_t> of(const std::vector<int64_t>& symbols, int64_t separator) {
    std::vector<int64_t> words, word;
    const auto finish = [&] {
      if (!word.empty()) {
        words.push_back(
            numbers_.emplace(word, static_cast<int64_t>(numbers_.size())).first->second);
      }
      word.clear();
    };
    for (const int64_t symbol : symbols) {
      if (symbol == separator) {
        finish();
      } else {
        word.push_back(symbol);
      }
    }
    finish();
    return words;
  }

 private:
  std::map<std::vector<int64_t>, int64_t> numbers_;
};

}  // namespace

EditCounts count_edits(const std::vector<int64_t>& right, const std::vector<int64_t>& answer) {
  // One row of the table at a time: the best alignment of a beginning of `right` with each
  // beginning of `answer`.
  std::vector<EditCounts> above(answer.size() + 1);
  for (size_t j = 1; j <= answer.size(); ++j) above[j].insertions = static_cast<int64_t>(j);
  std::vector<EditCounts> row(answer.size() + 1);
  for (size_t i = 1; i <= right.size(); ++i) {
    row[0] = {0, static_cast<int64_t>(i), 0, 0};
    for (size_t j = 1; j <= answer.size(); ++j) {
      EditCounts best = above[j - 1];
      best.substitutions += right[i - 1] == answer[j - 1] ? 0 : 1;
      EditCounts other = above[j];
      other.deletions += 1;
      if (other.errors() < best.errors()) best = other;
      other = row[j - 1];
      other.insertions += 1;
      if (other.errors() < best.errors()) best = other;
      row[j] = best;
    }
    std::swap(above, row);
  }
  EditCounts counts = above[answer.size()];
  counts.length = static_cast<int64_t>(right.size());
  return counts;
}

void split_into_words(int64_t separator, const std::vector<int64_t>& right,
                      const std::vector<int64_t>& answer, std::vector<int64_t>& right_words,
                      std::vector<int64_t>& answer_words) {
  WordNumbers numbers;
  right_words = numbers.of(right, separator);
  answer_words = numbers.of(answer, separator);
}

}  // namespace lockstep
