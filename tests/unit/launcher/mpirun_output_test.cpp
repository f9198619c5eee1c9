#include "launcher/mpirun_output.h"

#include <gmock/gmock.h>

namespace lockstep {
namespace {

const std::string kFrame = std::string(74, '-') + "\n";
const std::string kKilled =
    kFrame +
    "mpirun noticed that process rank 1 with PID 0 on node node07 exited on signal 9 (Killed).\n" +
    kFrame;

/// Feeds `text` in pieces of `piece` bytes and returns what passed.
std::string passed(const std::string& text, size_t piece, std::string* notices = nullptr) {
  std::string out;
  MpirunOutput output([&](std::string_view bytes) { out += bytes; });
  for (size_t at = 0; at < text.size(); at += piece)
    output.feed(std::string_view(text).substr(at, piece));
  output.finish();
  if (notices != nullptr) *notices = output.notices();
  return out;
}

TEST(MpirunOutput, TakesNoticesOutAtAnyCut) {
  const std::string text = "rank says\n" + kKilled + "more\nmpirun: Forwarding signal 10 to job\n" +
                           "[node07:12] [[1,0],0] ORTE_ERROR_LOG: Data unpack\n" +
                           "[node07:13] *** Process received signal ***\nlast without end";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    std::string notices;
    EXPECT_EQ(passed(text, piece, &notices),
              "rank says\nmore\n[node07:13] *** Process received signal ***\nlast without end");
    EXPECT_EQ(who_was_lost(notices), "rank 1 on node07 ended with signal 9 (Killed)");
  }
}

TEST(MpirunOutput, PassesProgressAtOnce) {
  std::string out;
  MpirunOutput output([&](std::string_view bytes) { out += bytes; });
  output.feed("\rstep 1");
  EXPECT_EQ(out, "\rstep 1");
  output.feed("\rstep 2");
  EXPECT_EQ(out, "\rstep 1\rstep 2");
}

TEST(MpirunOutput, PassesDashesOfOthers) {
  for (const std::string& text :
       {std::string("-----\n"), std::string(75, '-') + "\n", std::string("---x\n"),
        std::string("mpirun: other\n"), std::string("\n\n-\n")}) {
    EXPECT_EQ(passed(text, 1), text);
    EXPECT_EQ(passed(text, 1000), text);
  }
}

TEST(MpirunOutput, GivesBackAFrameThatNeverEnds) {
  const std::string cut = kFrame + "the end is missing\nand\n";
  EXPECT_EQ(passed(cut, 7), cut);
  std::string endless = kFrame;
  for (int i = 0; i < 2000; ++i) endless += "line " + std::to_string(i) + "\n";
  EXPECT_EQ(passed(endless, 4096), endless);
}

TEST(WhoWasLost, ReadsExitCodesAndQuotesTheRest) {
  EXPECT_EQ(
      who_was_lost(
          "The first process to do so was:\n\n  Process name: [[8837,1],3]\n  Exit code:    1\n"),
      "rank 3 ended with exit code 1");
  EXPECT_EQ(who_was_lost("There are not enough\n  slots\n"),
            "mpirun says: There are not enough slots");
  EXPECT_EQ(who_was_lost(""), "mpirun did not say why");
}

}  // namespace
}  // namespace lockstep
