// Series: dates, and windows against numpy (tests/interop/series_windows.py).
#include "data/import/series.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "data/base/atomic_file.h"
#include "data/base/error.h"
#include "data/import/date_time.h"
#include "data/mix.h"
#include "tests/interop/run_python.h"
#include "tests/unit/base/temp_folder.h"
#include "tests/unit/data/tool_run.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::floats_of;
using testing::ToolOptions;
using Numbers = std::vector<float>;

TEST(DateTimeTest, ReadsDatesAndSeconds) {
  EXPECT_EQ(read_time("1970-01-02"), 86400000);
  EXPECT_EQ(read_time("2016-07-01 05:30:00"), 1467351000000);
  EXPECT_EQ(read_time("2016-07-01T05:30"), 1467351000000);
  EXPECT_EQ(read_time("2014-04-07T10:51:09.277Z"), 1396867869277);
  EXPECT_EQ(read_time("1396860669.277"), 1396860669277);
  EXPECT_EQ(read_time("1969-12-31"), -86400000);
  EXPECT_EQ(read_time("2016/7/1"), 1467331200000);
  EXPECT_EQ(read_time("2016/07/01 5:30"), 1467351000000);
  for (const char* bad : {"", "2015-02-29", "2016-13-01", "2016-07-01 24:00", "2016-07-01 5:30",
                          "07/01/2016", "2016/7-1", "2016/7/", "2016/7/1 5", "2016-07-01 05",
                          "2016/117/1", "2016-07-01x", "nan", "1e300", "2016-07-01 05:30."}) {
    EXPECT_FALSE(read_time(bad)) << bad;
  }
}

TEST(DateTimeTest, CalendarTurnsByPeriods) {
  const int64_t time = *read_time("2016-07-01 06:00");  // a Friday
  EXPECT_NEAR(calendar_values("hour", time)[0], 1, 1e-6);
  EXPECT_NEAR(calendar_values("weekday", time)[0], std::sin(2 * M_PI * 4 / 7), 1e-6);
  EXPECT_NEAR(calendar_values("month", time)[1], -1, 1e-6);
  EXPECT_NEAR(calendar_values("day", time)[0], 0, 1e-6);
  EXPECT_NEAR(calendar_values("yearday", time)[0], std::sin(2 * M_PI * 182 / 366), 1e-6);
}

class SeriesTest : public ::testing::Test {
 protected:
  fs::path out() const { return folder_ / "out"; }
  fs::path write(const std::string& text) {
    write_file_atomically(folder_ / "table.csv", text);
    return folder_ / "table.csv";
  }
  void import(const fs::path& file, const ToolOptions& options) {
    testing::run_tool(series_importer(), {file}, out(), options);
  }
  /// Two columns, and hours of dates, with a tenth of the values missing.
  std::string random_table(int rows) {
    std::string text = "date,a,b\n";
    Random random(7);
    for (int row = 0; row < rows; ++row) {
      text += fmt::format("2020-02-{:02} {:02}:00:00", 1 + row / 24, row % 24);
      for (int column = 0; column < 2; ++column) {
        text += random.uniform() < 0.1 ? (random.uniform() < 0.5 ? "," : ",NaN")
                                       : fmt::format(",{:.6f}", 5 + 3 * random.normal());
      }
      text += '\n';
    }
    return text;
  }

  testing::TempFolder folder_;
};

TEST_F(SeriesTest, WindowsByHand) {
  const fs::path file = write("1,10\n2,20\n3,30\n4,40\n5,50\n6,60\n7,70\n8,80\n9,90\n");
  import(file, {{"header", "false"},
                {"standardise", "false"},
                {"targets", "2"},
                {"history", "2"},
                {"horizon", "1"},
                { "split_rows",
                  "4,2,2" }});
  const Dataset dataset(out());
  const Split train = dataset.open_split("train");
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(floats_of(train, 0, "inputs"), (Numbers{1, 10, 2, 20}));
  EXPECT_EQ(floats_of(train, 0, "future"), (Numbers{30}));
  EXPECT_EQ(floats_of(train, 1, "future"), (Numbers{40}));
  const Split validation = dataset.open_split("validation");
  ASSERT_EQ(validation.size(), 2);  // histories reach back into the training rows
  EXPECT_EQ(floats_of(validation, 0, "inputs"), (Numbers{3, 30, 4, 40}));
  EXPECT_EQ(floats_of(validation, 0, "future"), (Numbers{50}));
  const Split test = dataset.open_split("test");
  ASSERT_EQ(test.size(), 2);
  EXPECT_EQ(floats_of(test, 1, "future"), (Numbers{80}));  // the ninth row is left out
}

TEST_F(SeriesTest, MissingValuesGetAMaskAndTheirAge) {
  const fs::path file = write("x\n2\nNaN\n\"\"\n4\n6\n8\n");
  import(file, {{"missing", "mask"}, {"standardise", "false"}, {"history", "4"}, {"horizon", "1"}, {
                  "split",
                  "1,0,0"
                }});
  const Split train = Dataset(out()).open_split("train");
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(floats_of(train, 0, "inputs"), (Numbers{2, 1, 0, 0, 0, 0.25F, 0, 0, 0.5F, 4, 1, 0}));
  fs::remove_all(out());
  import(file, {{"standardise", "false"}, {"history", "4"}, {"horizon", "1"}, {
                  "split",
                  "1,0,0"
                }});
  EXPECT_EQ(floats_of(Dataset(out()).open_split("train"), 0, "inputs"), (Numbers{2, 2, 2, 4}));
}

TEST_F(SeriesTest, WindowsAreThoseOfNumpy) {
  if (std::getenv("LOCKSTEP_PYTHON") == nullptr) GTEST_SKIP() << "LOCKSTEP_PYTHON is not set";
  const fs::path file = write(random_table(600));
  for (const char* missing : {"mask", "forward"}) {
    import(file, {{"date_column", "date"},
                  {"missing", missing},
                  {"history", "7"},
                  {"horizon", "3"},
                  {"stride", "2"},
                  {"calendar", "hour,weekday,day,month,yearday"},
                  {"targets", "b"},
                  { "split_rows",
                    "400,100,90" }});
    EXPECT_EQ(testing::run_python("interop/series_windows.py",
                                  {out().string(), file.string(), "400,100,90", "2", "b"}),
              0);
    fs::remove_all(out());
  }
}

TEST_F(SeriesTest, RealTransformerTemperatures) {
  const fs::path file = testing::real_data("forecast/ETTh1.csv.gz");
  if (file.empty()) GTEST_SKIP() << "LOCKSTEP_DATA has no forecast/ETTh1.csv.gz";
  import(file, {{"date_column", "date"},
                {"split_rows", "8640,2880,2880"},
                { "calendar",
                  "hour,weekday" }});
  const Dataset dataset(out());
  EXPECT_EQ(dataset.open_split("train").size(), 8521);  // 8640 - 96 - 24 + 1
  EXPECT_EQ(dataset.open_split("validation").size(), 2857);
  EXPECT_EQ(dataset.open_split("test").size(), 2857);
  EXPECT_EQ(dataset.manifest().scaling.at("future").names.back(), "OT");
  EXPECT_NEAR(dataset.manifest().scaling.at("future").mean.back(), 17.1282616982271, 1e-6);
  EXPECT_EQ(testing::run_python("interop/series_windows.py",
                                {out().string(), file.string(), "8640,2880,2880", "1",
                                 "HUFL,HULL,MUFL,MULL,LUFL,LULL,OT"}),
            0);
}

TEST_F(SeriesTest, RealExchangeRates) {
  const fs::path file = testing::real_data("forecast/exchange_rate.txt.gz");
  if (file.empty()) GTEST_SKIP() << "LOCKSTEP_DATA has no forecast/exchange_rate.txt.gz";
  import(file, {{"header", "false"}, {"split", "0.6,0.2,0.2"}, { "stride", "10" }});
  const Dataset dataset(out());
  EXPECT_EQ(dataset.manifest().stream("inputs").features, 8);
  EXPECT_EQ(dataset.open_split("train").size(), (4553 - 96 - 24) / 10 + 1);  // 7588 rows
}

TEST_F(SeriesTest, BadTablesAreToldWithTheirPlace) {
  const ToolOptions small{{"history", "1"}, {"horizon", "1"}, {"split", "1,0,0"}};
  const auto refused = [&](ExitCode code, const std::string& part, const std::string& text,
                           ToolOptions options) {
    options.insert(small.begin(), small.end());
    expect_error(code, part, [&] { import(write(text), options); });
    EXPECT_FALSE(fs::exists(out())) << part;
  };
  refused(ExitCode::corrupt, "table.csv:3: column \"b\": \"x\" is no number", "a,b\n1,2\n3,x\n",
          {});
  refused(ExitCode::corrupt, "\"inf\" is no number", "a\ninf\n", {});
  refused(ExitCode::corrupt, "table.csv:3: has 1 fields; the first row has 2", "a,b\n1,2\n3\n", {});
  refused(ExitCode::corrupt, "holds no row", "a,b\n", {});
  refused(ExitCode::corrupt, "holds no row", "", {});
  refused(ExitCode::corrupt, "is no date", "d,a\n2020-01-01,1\n2020-01-32,1\n",
          {{"date_column", "d"}});
  refused(ExitCode::corrupt, "does not follow", "d,a\n2020-01-02,1\n2020-01-01,1\n",
          {{"date_column", "d"}});
  refused(ExitCode::usage, "no column \"z\"", "a,b\n1,2\n", {{"columns", "z"}});
  refused(ExitCode::usage, "none of the columns", "a,b\n1,2\n", {{"targets", "z"}});
  refused(ExitCode::usage, "none of the number 3", "1,2\n",
          {{"header", "false"}, {"columns", "3"}});
  refused(ExitCode::usage, "needs --date-column", "a\n1\n", {{"calendar", "hour"}});
  refused(ExitCode::usage, "no feature of dates", "d,a\n2020-01-01,1\n",
          {{"calendar", "hours"}, {"date_column", "d"}});
  refused(ExitCode::usage, "--split-rows", "a\n1\n2\n", {{"split_rows", "2,1,0"}});
  refused(ExitCode::usage, "--split-rows", "a\n1\n2\n", {{"split_rows", "1,1"}});
  refused(ExitCode::corrupt, "no record for the split", "a\n1\n", {});
}

}  // namespace
}  // namespace lockstep
