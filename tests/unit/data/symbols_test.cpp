// Sequences of letters: alphabets, the four forms of files, and the importer.
#include "data/import/symbols.h"

#include <gtest/gtest.h>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "data/import/alphabet.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/tool_run.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::ToolOptions;
using Words = std::vector<std::string>;

Words letters(const std::string& text) {
  Words words;
  for (const char c : text) words.emplace_back(1, c);
  return words;
}

TEST(AlphabetTest, LettersOfIupac) {
  const Alphabet dna("dna");
  EXPECT_EQ(dna.number('A'), 0);
  EXPECT_EQ(dna.number('t'), 3);
  EXPECT_EQ(dna.normal('u'), 'T');
  EXPECT_EQ(dna.normal('r'), 'R');
  EXPECT_EQ(dna.normal('!'), 'N');
  EXPECT_FALSE(dna.knows('X'));
  EXPECT_FALSE(dna.knows('\0'));
  const Alphabet protein("protein");
  EXPECT_EQ(protein.normal('U'), 'U');
  EXPECT_EQ(protein.normal('*'), 'X');
  EXPECT_THROW(Alphabet("klingon"), Error);
}

class SymbolsTest : public ::testing::Test {
 protected:
  fs::path out() const { return folder_ / "out"; }
  /// Imports a text as the training split, in its order.
  std::string import(const std::string& text, ToolOptions options) {
    write_file_atomically(folder_ / "source", text);
    options.insert({{"split", "1,0,0"}, {"split_by", "position"}, {"max_rejected", "0.9"}});
    return testing::run_tool(symbols_importer(), {folder_ / "source"}, out(), options);
  }
  Words inputs(int64_t id) const {
    return testing::labels_of(Dataset(out()).open_split("train"), id, "inputs");
  }
  Words classes(int64_t id) const {
    return testing::labels_of(Dataset(out()).open_split("train"), id, "classes");
  }
  int64_t sequences() const { return Dataset(out()).open_split("train").size(); }

  testing::TempFolder folder_;
};

TEST_F(SymbolsTest, FastaWithLabelsInItsHeaders) {
  EXPECT_EQ(
      import(">s1 human\nACG\nTNr\n\n>s2 yeast\r\nacgu?\r\n", {{"label_from", "{name} {label}"}}),
      "");
  EXPECT_EQ(inputs(0), letters("ACGTNR"));
  EXPECT_EQ(classes(0), Words{"human"});
  EXPECT_EQ(inputs(1), letters("ACGTN"));
  EXPECT_EQ(classes(1), Words{"yeast"});
  const Dataset dataset(out());
  EXPECT_EQ(dataset.manifest().symbols->alphabet, "dna");
  EXPECT_NE(dataset.manifest().source.find("1 letters outside"), std::string::npos);
}

TEST_F(SymbolsTest, StrictRejectsUnknownLetters) {
  const std::string rejected = import(">s1 a\nACG\n>s2 b\nACG?\n>s3 b\nAAA\n",
                                      {{"label_from", "{name} {label}"}, {"strict", "true"}});
  EXPECT_NE(rejected.find("source:3: letter 4 (byte 0x3f) is not in the alphabet"),
            std::string::npos)
      << rejected;
  EXPECT_EQ(sequences(), 2);
}

TEST_F(SymbolsTest, TablesOfUci) {
  const std::string rejected = import("EI,  ATR-1,   CCAG\nIE,  BAB-2,   TTTT\nN, CHP-3, CCA\n\n",
                                      {{"form", "table"}, {"width", "4"}});
  EXPECT_EQ(inputs(0), letters("CCAG"));
  EXPECT_EQ(classes(1), Words{"IE"});
  EXPECT_NE(rejected.find("source:3: has 3 letters, not 4"), std::string::npos) << rejected;
}

TEST_F(SymbolsTest, TablesOfArffWithAFieldPerLetter) {
  import("% comment\n@relation x\n@data\nA-1,C,C,A,G,EI\nA-2,T,T,A,N,N\n%\n",
         {{"form", "table"},
          { "columns",
            "name,sequence,label" }});
  EXPECT_EQ(sequences(), 2);
  EXPECT_EQ(inputs(1), letters("TTAN"));
  EXPECT_EQ(classes(1), Words{"N"});
}

TEST_F(SymbolsTest, LabelsOfEveryLetter) {
  import("# proteins\n<>\nG _\nV h\nend\n<>\nT e\n<end>\n\n", {{"form", "per-line"},
                                                               { "alphabet",
                                                                 "protein" }});
  EXPECT_EQ(sequences(), 2);
  EXPECT_EQ(inputs(0), letters("GV"));
  EXPECT_EQ(classes(0), letters("_h"));
  EXPECT_EQ(inputs(1), letters("T"));
  EXPECT_EQ(classes(1), letters("e"));
}

TEST_F(SymbolsTest, ThreeLinesWithKmers) {
  const std::string rejected = import(">p1\nACGTA\n12221\n>p2\nACG\n22\n>p3\nAC\n11\n",
                                      {{"form", "three-line"}, {"kmer", "3"}});
  EXPECT_EQ(sequences(), 1);
  EXPECT_EQ(inputs(0), (Words{"ACG", "CGT", "GTA"}));
  EXPECT_EQ(classes(0), letters("222"));  // of the letters in their middles
  EXPECT_NE(rejected.find("source:4: has 2 labels for 3 letters"), std::string::npos) << rejected;
  EXPECT_NE(rejected.find("source:7: has 2 letters; a symbol has 3"), std::string::npos)
      << rejected;
}

TEST_F(SymbolsTest, OwnFilesShareTheTrainingSymbols) {
  write_file_atomically(folder_ / "a", "x,1,ACGT\ny,2,AAAA\n");
  write_file_atomically(folder_ / "b", "y,1,ACGG\nz,2,AAAA\n");
  const std::string rejected = testing::run_tool(symbols_importer(), {}, out(),
                                                 {{"form", "table"},
                                                  {"kmer", "2"},
                                                  {"max_rejected", "0.5"},
                                                  {"train", (folder_ / "a").string()},
                                                  {"test", (folder_ / "b").string()}});
  const Split test = Dataset(out()).open_split("test");
  EXPECT_EQ(test.size(), 1);
  EXPECT_EQ(testing::labels_of(test, 0, "inputs"), (Words{"AC", "CG", "<unk>"}));
  EXPECT_NE(rejected.find("b:2: its label \"z\" is not in the training records"), std::string::npos)
      << rejected;
}

TEST_F(SymbolsTest, BrokenFilesLeaveNothing) {
  const ToolOptions fasta{{"label_from", "{name} {label}"}};
  expect_error(ExitCode::corrupt, "before the first", [&] { import("ACGT\n", fasta); });
  expect_error(ExitCode::corrupt, "holds no record", [&] { import("", fasta); });
  expect_error(ExitCode::corrupt, "not of the form", [&] { import(">s1\nACGT\n", fasta); });
  expect_error(ExitCode::corrupt, "has 2 fields, not 3", [&] {
    import("a,b\n", {{ "form", "table" }});
  });
  expect_error(ExitCode::corrupt, "line 2 is not a letter and its label", [&] {
    import("A x\nAB x\n", {{ "form", "per-line" }});
  });
  expect_error(ExitCode::usage, "--label-from", [&] { import(">s1\nACGT\n", {}); });
  expect_error(ExitCode::usage, "--columns", [&] {
    import("a,b\n", {{"form", "table"}, { "columns", "label,word" }});
  });
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(SymbolsTest, RealSpliceJunctions) {
  const fs::path file = testing::real_data("bio/splice.arff.gz");
  if (file.empty()) GTEST_SKIP() << "LOCKSTEP_DATA has no bio/splice.arff.gz";
  EXPECT_EQ(testing::run_tool(symbols_importer(), {file}, out(),
                              {{"form", "table"},
                               {"columns", "name,sequence,label"},
                               {"width", "60"},
                               {"split_by", "label"},
                               {"strict", "true"}}),
            "");
  const Dataset dataset(out());
  EXPECT_EQ(dataset.open_split("train").size() + dataset.open_split("validation").size() +
                dataset.open_split("test").size(),
            3190);  // as UCI says
  EXPECT_EQ(dataset.manifest().stream("classes").labels, (Words{"EI", "IE", "N"}));
}

TEST_F(SymbolsTest, RealProteinStructure) {
  const fs::path folder = testing::real_data("bio");
  if (folder.empty()) GTEST_SKIP() << "LOCKSTEP_DATA has no bio";
  EXPECT_EQ(
      testing::run_tool(symbols_importer(), {}, out(),
                        {{"form", "per-line"},
                         {"alphabet", "protein"},
                         {"train", (folder / "protein-secondary-structure.train.gz").string()},
                         {"test", (folder / "protein-secondary-structure.test.gz").string()}}),
      "");
  const Dataset dataset(out());
  const Split train = dataset.open_split("train");
  const Split test = dataset.open_split("test");
  EXPECT_EQ(train.total_steps(0), 18105);
  EXPECT_EQ(test.total_steps(0), 3520);
  EXPECT_EQ(test.size(), 17);
  EXPECT_EQ(train.total_steps(1), train.total_steps(0));
  EXPECT_EQ(dataset.manifest().stream("classes").labels, (Words{"_", "e", "h"}));
}

TEST(AlphabetTest, TheOtherStrandIsReadBackwards) {
  const Alphabet dna("dna");
  EXPECT_EQ(dna.reverse_complement("AACGT"), "ACGTT");
  EXPECT_EQ(dna.reverse_complement("RKBHN"), "NDVMY");
  for (const char letter : dna.letters()) {
    const std::string one(1, letter);
    EXPECT_EQ(dna.reverse_complement(dna.reverse_complement(one)), one);
  }
  EXPECT_EQ(dna.kmers("acuN", 3), (Words{"ACT", "CTN"}));
  EXPECT_FALSE(Alphabet("protein").has_strands());
}

}  // namespace
}  // namespace lockstep
