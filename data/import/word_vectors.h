// Word vectors in GloVe's text format: a word and its numbers on each line, with white space
// between; plain or gzip. A first line of two integers, as word2vec writes it, is passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lockstep {

/// Writes the vectors of `words` into `rows` [words, width], row by row; rows of words that the
/// file lacks stay. A word that is not there as it stands is looked for in lower case. The result
/// tells of each word whether it was found; of a word that is there twice the first one counts.
///
/// Throws Error: missing; corrupt, with the line, when a line has not `width` finite numbers behind
/// a word.
std::vector<bool> read_word_vectors(const std::filesystem::path& file,
                                    const std::vector<std::string>& words, int64_t width,
                                    float* rows);

}  // namespace lockstep
