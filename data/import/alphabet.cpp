#include "data/import/alphabet.h"

#include <cctype>

#include "data/base/error.h"

namespace lockstep {

Alphabet::Alphabet(const std::string& name) {
  if (name == "dna") {
    letters_ = "ACGTRYSWKMBDHVN";
    uracil_is_thymine_ = true;
  } else if (name == "protein") {
    letters_ = "ACDEFGHIKLMNPQRSTVWYBJZUOX";
  } else {
    throw Error(ExitCode::usage, fmt::format("\"{}\" is no alphabet", name),
                "alphabets are dna and protein");
  }
}

int32_t Alphabet::place_of(char letter) const {
  auto capital = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (capital == 'U' && uracil_is_thymine_) capital = 'T';
  const size_t place = letters_.find(capital);
  return capital == '\0' || place == std::string::npos ? -1 : static_cast<int32_t>(place);
}

int32_t Alphabet::number(char letter) const {
  const int32_t place = place_of(letter);
  return place >= 0 ? place : static_cast<int32_t>(letters_.size()) - 1;
}

char Alphabet::normal(char letter) const {
  return letters_[static_cast<size_t>(number(letter))];
}

std::vector<std::string> Alphabet::kmers(const std::string& letters, int64_t kmer) const {
  std::string normal_letters;
  for (const char letter : letters) normal_letters += normal(letter);
  const auto length = static_cast<size_t>(kmer);
  std::vector<std::string> kmers;
  for (size_t at = 0; at + length <= normal_letters.size(); ++at) {
    kmers.push_back(normal_letters.substr(at, length));
  }
  return kmers;
}

std::string Alphabet::reverse_complement(const std::string& letters) const {
  LOCKSTEP_CHECK(has_strands(), "{} have no other strand", letters_);
  static const std::string kPairs = "TGCAYRSWMKVHDBN";  // to "ACGTRYSWKMBDHVN"
  std::string other;
  for (auto letter = letters.rbegin(); letter != letters.rend(); ++letter) {
    other += kPairs[static_cast<size_t>(number(*letter))];
  }
  return other;
}

}  // namespace lockstep
