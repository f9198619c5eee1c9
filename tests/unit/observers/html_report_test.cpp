#include "trainer/observers/html_report.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/unit/observers/example_run.h"
#include "tests/unit/store/test_support.h"
#include "trainer/observers/metrics_files.h"
#include "trainer/observers/svg_plot.h"

namespace lockstep {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using namespace lockstep::testing;  // example_*, files

TEST(NiceTicks, AreRoundAndWithin) {
  EXPECT_THAT(nice_ticks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(nice_ticks(-1.1, 1.1, 4), ElementsAre(-1, -0.5, 0, 0.5, 1));
  EXPECT_THAT(nice_ticks(0.93, 0.985, 5), SizeIs(6));
  EXPECT_THAT(nice_ticks(1, 1, 5), IsEmpty());
  EXPECT_THAT(nice_ticks(0, INFINITY, 5), IsEmpty());
  EXPECT_THAT(nice_ticks(NAN, 1, 5), IsEmpty());
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(SvgFigure, DrawsCurvesAndMarks) {
  Plot plot{.title = "loss",
            .series = {{"train", {{1, 2.0}, {2, 1.0}, {3, 0.5}}}, {"test", {{3, 0.7}}, true}}};
  const std::string svg = svg_figure(plot);
  EXPECT_EQ(count_of(svg, "<path"), 2U);
  EXPECT_EQ(count_of(svg, "<circle"), 1U);
  EXPECT_THAT(
      svg, AllOf(HasSubstr("test, step 3: 0.7000"), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
}

TEST(SvgFigure, GapsFlatLinesAndNothingAreDrawable) {
  const std::string gap = svg_figure({.title = "x", .series = {{"a", {{1, 1}, {2, NAN}, {3, 1}}}}});
  EXPECT_EQ(count_of(gap, "M"), 2U);
  EXPECT_THAT(gap, Not(HasSubstr("nan")));
  EXPECT_THAT(svg_figure({.title = "x", .series = {{"a", {{5, 0}}}}}), Not(HasSubstr("nan")));
  EXPECT_THAT(svg_figure({.title = "x", .series = {{"a", {{5, INFINITY}}}}}),
              HasSubstr("nothing measured"));
  EXPECT_THAT(svg_figure({.title = "x", .series = {}}), HasSubstr("nothing measured"));
  EXPECT_THAT(svg_figure({.title = "x", .series = {{"a", {{1, -1e300}, {2, 1e300}}}}}),
              Not(HasSubstr("nan")));
}

TEST(SvgFigure, WideRangesGetALogarithmicAxisWhereAllowed) {
  Plot plot{.title = "loss", .series = {{"train", {{1, 5.0}, {2, 0.01}}}}, .may_be_log = true};
  EXPECT_THAT(svg_figure(plot), HasSubstr("log scale"));
  plot.series[0].points[1].second = 0;
  EXPECT_THAT(svg_figure(plot), Not(HasSubstr("log scale")));
}

TEST(SvgFigure, LongSeriesAreThinnedButKeepTheirSpikes) {
  PlotSeries series{"train", {}};
  for (int i = 0; i < 200000; ++i) series.points.emplace_back(i, i == 123456 ? 777.0 : 1.0 + i % 7);
  const std::string svg = svg_figure({.title = "x", .series = {series}});
  EXPECT_LT(svg.size(), 20000U);
  // The spike reaches the top of the axis: the padded range leaves a twentieth above it.
  EXPECT_THAT(svg, HasSubstr(" 23.1"));
}

TEST(HtmlReport, IsOnePageWithEverything) {
  const TempFolder run;
  HtmlReport report(run.path());
  play(report, example_info(run.path()), 3);
  report.on_warning("a <warning>");
  report.on_finish(example_result());
  const std::string html = read_all(run / "report.html");
  EXPECT_THAT(html,
              AllOf(HasSubstr("pill finished"), HasSubstr("test accuracy"), HasSubstr("90.00 %"),
                    HasSubstr("a &lt;warning&gt;"), HasSubstr("batch:\n  size: 64"),
                    HasSubstr("81,674"), HasSubstr("data.prefetch"), HasSubstr("step-00002000")));
  // Nothing is loaded, nothing runs, and a finished run does not reload.
  EXPECT_THAT(
      html, AllOf(Not(HasSubstr("http://")), Not(HasSubstr("https://")), Not(HasSubstr("<script")),
                  Not(HasSubstr("src=")), Not(HasSubstr("http-equiv"))));
  EXPECT_EQ(count_of(html, "<figure"), 5U);
  EXPECT_EQ(count_of(html, "<tr>"), 4U);
}

TEST(HtmlReport, ShowsWhatTheModelMakesOfExamples) {
  const TempFolder run;
  HtmlReport report(run.path());
  report.on_start(example_info(run.path()));
  RunResult result = example_result();
  Picture picture(3, 2, 200);
  picture.set(2, 1, 10, 20, 30);
  result.examples = {{"read <this>", {{"given", picture}, {"predicted", Picture(1, 1)}}}};
  report.on_finish(result);
  const std::string html = read_all(run / "report.html");
  EXPECT_THAT(html, AllOf(HasSubstr("<h2>Examples</h2>"), HasSubstr("read &lt;this&gt;"),
                          HasSubstr("<img alt='given' width='96' src='" + png_address(picture))));
  EXPECT_EQ(count_of(html, "data:image/png;base64,iVBORw0KGgo"), 2U);
}

TEST(HtmlReport, WhatComesFromOutsideIsEscaped) {
  const TempFolder run;
  HtmlReport report(run.path());
  RunInfo info = example_info(run.path());
  const std::string evil = "<script>alert('\"&')</script>";
  info.config_name = info.config_text = info.task = info.model_summary = info.device = evil;
  info.hosts = {evil};
  report.on_start(info);
  IntervalReport interval = example_interval(100);
  interval.metrics = {{evil, 1}};
  report.on_interval(interval);
  report.on_evaluation(example_evaluation(100, evil));
  EpochReport epoch = example_epoch(1);
  epoch.evaluations = {example_evaluation(200, evil)};
  report.on_epoch(epoch);
  RunResult result = example_result();
  result.status = result.message = result.last_checkpoint = result.parameters_sha256 = evil;
  result.versions = {{evil, evil}};
  report.on_finish(result);
  const std::string html = read_all(run / "report.html");
  EXPECT_THAT(html, AllOf(Not(HasSubstr("<script")),
                          HasSubstr("&lt;script&gt;alert(&#39;&quot;&amp;&#39;)")));
}

TEST(HtmlReport, ARunningOneReloadsItself) {
  const TempFolder run;
  HtmlReport report(run.path());
  report.on_start(example_info(run.path()));
  EXPECT_THAT(read_all(run / "report.html"),
              AllOf(HasSubstr("pill running"), HasSubstr("http-equiv='refresh'")));
}

TEST(HtmlReport, AContinuedRunShowsItsWholeHistoryOnce) {
  const TempFolder run;
  {
    MetricsFiles files(run.path());
    play(files, example_info(run.path()), 3);
  }
  HtmlReport report(run.path());
  play(report, example_info(run.path(), 400), 4);
  report.on_finish(example_result());
  EXPECT_EQ(count_of(read_all(run / "report.html"), "<tr>"), 5U);
}

}  // namespace
}  // namespace lockstep
