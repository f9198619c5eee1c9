// Sessions of events: their order, the last days as the test, items that training lacks.
#include "data/import/events.h"

#include <gtest/gtest.h>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/tool_run.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::labels_of;
using testing::ToolOptions;
using Words = std::vector<std::string>;

class EventsTest : public ::testing::Test {
 protected:
  fs::path out() const { return folder_ / "out"; }
  fs::path write(const std::string& name, const std::string& text) {
    write_file_atomically(folder_ / name, text);
    return folder_ / name;
  }
  std::string import(const std::string& text, const ToolOptions& options) {
    return testing::run_tool(events_importer(), {write("source", text)}, out(), options);
  }

  testing::TempFolder folder_;
};

TEST_F(EventsTest, NextItemsInTheOrderOfTime) {
  import("item,when,session\nb,20,s1\nx,5,s2\na,10,s1\ny,6,s2\nc,20,s1\nz,1,s3\n",
         {{"time_column", "when"},
          {"split", "1,0,0"},
          { "split_by",
            "position" }});
  const Dataset dataset(out());
  const Split train = dataset.open_split("train");
  ASSERT_EQ(train.size(), 2);  // s3 is too short
  EXPECT_EQ(labels_of(train, 0, "inputs"), (Words{"a", "b"}));
  EXPECT_EQ(labels_of(train, 0, "next"), (Words{"b", "c"}));
  EXPECT_EQ(labels_of(train, 1, "inputs"), Words{"x"});
  EXPECT_EQ(labels_of(train, 1, "next"), Words{"y"});
  EXPECT_NE(dataset.manifest().source.find("1 sessions shorter than 2"), std::string::npos);
}

TEST_F(EventsTest, TheLastDayIsTheTest) {
  // Sessions end on days 0, 2 and 3; the first of the last day begins the day before.
  import(
      "session,item,time\n1,a,0\n1,b,1\n2,a,172000\n2,a,172800\n3,a,200000\n3,new,260000\n3,b,"
      "260001\n",
      {{"time_column", "time"},
       {"test_days", "1"},
       { "split",
         "1,0,0" }});
  const Dataset dataset(out());
  EXPECT_EQ(dataset.open_split("train").size(), 2);
  const Split test = dataset.open_split("test");
  ASSERT_EQ(test.size(), 1);
  EXPECT_EQ(labels_of(test, 0, "inputs"), (Words{"a", "<unk>"}));
  EXPECT_EQ(labels_of(test, 0, "next"), (Words{"<unk>", "b"}));
  EXPECT_NE(dataset.manifest().source.find("1 of 3 events"), std::string::npos)
      << dataset.manifest().source;
}

TEST_F(EventsTest, RareItemsAreUnknown) {
  import("a b a\na c\n", {{"form", "sessions"}, {"min_count", "2"}, {"split", "1,0,0"}, {
                            "split_by",
                            "position"
                          }});
  const Dataset dataset(out());
  EXPECT_EQ(dataset.manifest().stream("inputs").labels, (Words{"<unk>", "a"}));
  EXPECT_EQ(labels_of(dataset.open_split("train"), 0, "inputs"), (Words{"a", "<unk>"}));
}

TEST_F(EventsTest, SessionsWithBadRowsAreRejected) {
  const std::string rejected =
      import("session,item,time\n1,a,0\n1,b,1\n2,a,1\n2,b,soon\n3,,1\n4\n",
             {{"time_column", "time"}, {"split", "1,0,0"}, {"max_rejected", "0.9"}});
  EXPECT_NE(rejected.find("source:4: line 5: \"soon\" is no time"), std::string::npos) << rejected;
  EXPECT_NE(rejected.find("source:6: line 6: has no item"), std::string::npos) << rejected;
  EXPECT_NE(rejected.find("source:7: line 7: has only 1 fields"), std::string::npos) << rejected;
  EXPECT_EQ(Dataset(out()).open_split("train").size(), 1);
}

TEST_F(EventsTest, ItemsHaveTheTextOfTheirFirstRow) {
  const ToolOptions options{{"split", "1,0,0"}, {"split_by", "position"}, {"text_column", "title"}};
  import("session,item,title\n1,a,\n1,b,Second\n2,a,\"First, really\"\n2,b,later\n", options);
  const Manifest manifest = Dataset(out()).manifest();
  EXPECT_EQ(manifest.stream("inputs").labels, (Words{"<unk>", "a", "b"}));
  EXPECT_EQ(manifest.symbol_texts.at("inputs"), (Words{"", "First, really", "Second"}));
}

TEST_F(EventsTest, TextsMayStandInAFileOfTheirOwn) {
  ToolOptions options{{"split", "1,0,0"}, {"split_by", "position"}, {"text_column", "title"}};
  options["texts"] = write("titles", "title,item\nBee,b\nNobody's,z\n").string();
  import("session,item\n1,a\n1,b\n", options);
  EXPECT_EQ(Dataset(out()).manifest().symbol_texts.at("inputs"), (Words{"", "", "Bee"}));
  options["texts"] = write("titles", "title,item\nBee\n").string();
  fs::remove_all(out());
  expect_error(ExitCode::corrupt, "titles:2: a field is missing",
               [&] { import("session,item\n1,a\n1,b\n", options); });
  options.erase("text_column");
  expect_error(ExitCode::usage, "--texts needs --text-column",
               [&] { import("session,item\n1,a\n1,b\n", options); });
}

TEST_F(EventsTest, ItemsMayBeKeptForTheirTextOnly) {
  ToolOptions options{{"split_by", "position"},
                      {"split", "0.5,0,0.5"},
                      {"min_count", "2"},
                      {"text_column", "title"},
                      {"text_only_items", "true"}};
  options["texts"] =
      write("titles", "item,title\nrare,Rare\nnew,New\nnowhere,Neither\na,A\n").string();
  const char* rows = "session,item\n1,a\n1,a\n1,rare\n1,untold\n2,a\n2,new\n2,untold\n2,rare\n";
  import(rows, options);
  const Dataset dataset(out());
  const Manifest& manifest = dataset.manifest();
  EXPECT_EQ(manifest.stream("inputs").labels, (Words{"<unk>", "a", "rare", "new", "nowhere"}));
  EXPECT_EQ(manifest.symbol_texts.at("inputs"), (Words{"", "A", "Rare", "New", "Neither"}));
  EXPECT_EQ(manifest.known_symbols.at("inputs"), 2);
  EXPECT_EQ(labels_of(dataset.open_split("test"), 0, "next"), (Words{"new", "<unk>", "rare"}));
  EXPECT_NE(manifest.source.find("3 of 4 events outside"), std::string::npos) << manifest.source;
  options.erase("text_column");
  options.erase("texts");
  fs::remove_all(out());
  expect_error(ExitCode::usage, "--text-only-items needs --text-column",
               [&] { import(rows, options); });
}

TEST_F(EventsTest, WrongUseLeavesNothing) {
  expect_error(ExitCode::usage, "no column \"session\"", [&] { import("a,b\n1,2\n", {}); });
  expect_error(ExitCode::usage, "need --time-column", [&] {
    import("a\n", {{ "test_days", "1" }});
  });
  expect_error(ExitCode::corrupt, "no record", [&] { import("session,item\n", {}); });
  expect_error(ExitCode::corrupt, "no record for the split \"validation\"", [&] {
    import("a b\n", {{ "form", "sessions" }});
  });
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(EventsTest, RealClicks) {
  const fs::path folder = testing::real_data("recsys/rsc15_100k");
  if (folder.empty()) GTEST_SKIP() << "LOCKSTEP_DATA has no recsys/rsc15_100k";
  const auto file = [&](const char* name) {
    return (folder / fmt::format("yoochoose-clicks-100k_{}.txt.gz", name)).string();
  };
  EXPECT_EQ(testing::run_tool(events_importer(), {}, out(),
                              {{"form", "tsv"},
                               {"session_column", "SessionId"},
                               {"item_column", "ItemId"},
                               {"time_column", "Time"},
                               {"train", file("train_tr")},
                               {"validation", file("train_valid")},
                               {"test", file("test")}}),
            "");
  const Dataset dataset(out());
  EXPECT_EQ(dataset.open_split("train").total_steps(0) + dataset.open_split("train").size(), 53254);
  EXPECT_EQ(dataset.open_split("test").total_steps(0) + dataset.open_split("test").size(), 13568);
  // The whole training file, divided by its last day, is the same two parts.
  testing::run_tool(events_importer(), {file("train_full")}, folder_ / "out2",
                    {{"form", "tsv"},
                     {"session_column", "SessionId"},
                     {"item_column", "ItemId"},
                     {"time_column", "Time"},
                     {"split", "1,0,0"},
                     {"validation_days", "1"}});
  EXPECT_EQ(Dataset(folder_ / "out2").open_split("train").size(),
            dataset.open_split("train").size());
}

TEST_F(EventsTest, RealSessionLines) {
  const fs::path file = testing::real_data("recsys/diginetica/diginetica_train_sessions.txt.gz");
  if (file.empty()) GTEST_SKIP() << "LOCKSTEP_DATA has no recsys/diginetica";
  EXPECT_EQ(testing::run_tool(events_importer(), {file}, out(),
                              {{"form", "sessions"}, {"split", "1,0,0"}, {"split_by", "position"}}),
            "");
  const Split train = Dataset(out()).open_split("train");
  EXPECT_EQ(train.size(), 186670);
  EXPECT_EQ(train.total_steps(0) + train.size(), 906140);
  EXPECT_EQ(Dataset(out()).manifest().stream("next").num_classes, 43097 + 1);
}

}  // namespace
}  // namespace lockstep
