// The letters of biological sequences.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

/// Letters by IUPAC, each a symbol of its own:
/// - "dna": A C G T, the ambiguity codes R Y S W K M B D H V, and N for any base; U (RNA) is T
///   (NC-IUB 1984, Nucleic Acids Research 13, 3021-3030);
/// - "protein": the 20 amino acids, B J Z for either of two, U selenocysteine, O pyrrolysine, and X
///   for any (IUPAC-IUB JCBN 1983, Eur. J. Biochem. 138, 9-37).
/// Small letters are the same as capital ones.
class Alphabet {
 public:
  /// Throws Error(usage) for another name.
  explicit Alphabet(const std::string& name);

  const std::string& letters() const { return letters_; }
  /// The letter that stands for those the alphabet lacks: N or X.
  char unknown() const { return letters_.back(); }
  /// Whether it has the letter, also as a small one.
  bool knows(char letter) const { return place_of(letter) >= 0; }
  /// The capital letter, or unknown().
  char normal(char letter) const;
  /// Numbers of letters() in order.
  int32_t number(char letter) const;
  /// Overlapping symbols of `kmer` letters each, as normal() letters.
  std::vector<std::string> kmers(const std::string& letters, int64_t kmer) const;

  /// Whether letters pair with others on a second strand.
  bool has_strands() const { return uracil_is_thymine_; }
  /// What stands on the other strand, read in its direction. Only for letters of normal() and
  /// where has_strands().
  std::string reverse_complement(const std::string& letters) const;

 private:
  int32_t place_of(char letter) const;

  std::string letters_;
  bool uracil_is_thymine_ = false;
};

}  // namespace lockstep
