// How an answer differs from what was right: the counts behind word and character error rates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

/// Edits that turn `right` into `answer`.
struct EditCounts {
  int64_t substitutions = 0;
  int64_t deletions = 0;   ///< in `right` only
  int64_t insertions = 0;  ///< in `answer` only
  int64_t length = 0;      ///< of `right`

  int64_t errors() const { return substitutions + deletions + insertions; }
};

/// An alignment with the fewest edits (Wagner & Fischer 1974); of several, the one that
/// substitutes rather than deletes, and deletes rather than inserts, counted from the end.
EditCounts count_edits(const std::vector<int64_t>& right, const std::vector<int64_t>& answer);

/// Parts between those symbols that are `separator`, each as one number: equal parts of both
/// sequences get equal numbers. Empty parts are left out.
void split_into_words(int64_t separator, const std::vector<int64_t>& right,
                      const std::vector<int64_t>& answer, std::vector<int64_t>& right_words,
                      std::vector<int64_t>& answer_words);

}  // namespace lockstep
