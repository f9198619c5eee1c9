#include "trainer/observers/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "trainer/observers/number_text.h"

namespace lockstep {
namespace {

constexpr double kWidth = 560;
constexpr double kHeight = 300;
constexpr double kLeft = 62;
constexpr double kRight = 14;
constexpr double kTop = 12;
constexpr double kBottom = 44;
constexpr size_t kMaxPoints = 600;
constexpr double kLogFrom = 30;
constexpr size_t kColours = 6;

using Points = std::vector<std::pair<double, double>>;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

bool drawable(const std::pair<double, double>& point) {
  return std::isfinite(point.first) && std::isfinite(point.second);
}

/// Maps values to the drawing and names the ticks.
class Axis {
 public:
  Axis(Range range, bool log, double from, double to) : log_(log), from_(from), to_(to) {
    low_ = log ? std::log10(range.low) : range.low;
    high_ = log ? std::log10(range.high) : range.high;
    // A flat line still needs a scale around it.
    if (high_ - low_ < 1e-12 * std::max(std::fabs(high_), 1e-300)) {
      const double around = low_ == 0 ? 1 : std::fabs(low_) * 0.1;
      low_ -= around;
      high_ += around;
    }
  }
  void pad(double share) {
    const double margin = share * (high_ - low_);
    low_ -= margin;
    high_ += margin;
  }
  double place(double value) const {
    const double at = log_ ? std::log10(value) : value;
    return from_ + (at - low_) / (high_ - low_) * (to_ - from_);
  }
  std::vector<double> ticks(int count) const {
    return log_ ? log_ticks() : nice_ticks(low_, high_, count);
  }
  bool log() const { return log_; }

 private:
  /// 1, 2 and 5 times powers of ten, fewer where there are many decades.
  std::vector<double> log_ticks() const {
    std::vector<double> ticks;
    const bool many = high_ - low_ > 3;
    for (double decade = std::floor(low_); decade <= high_; ++decade) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double value = factor * std::pow(10.0, decade);
        const double at = std::log10(value);
        if ((factor == 1 || !many) && at >= low_ && at <= high_) ticks.push_back(value);
      }
    }
    return ticks;
  }

  bool log_;
  double low_ = 0;
  double high_ = 1;
  double from_;
  double to_;
};

/// Of each stretch the lowest and the highest point, in their order.
Points thinned(const Points& points) {
  if (points.size() <= kMaxPoints) return points;
  Points kept;
  const size_t stretches = kMaxPoints / 2;
  for (size_t i = 0; i < stretches; ++i) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(i * points.size() / stretches);
    const auto end =
        points.begin() + static_cast<std::ptrdiff_t>((i + 1) * points.size() / stretches);
    const auto by_value = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto [lowest, highest] = std::minmax_element(begin, end, by_value);
    kept.push_back(std::min(*lowest, *highest));
    if (lowest != highest) kept.push_back(std::max(*lowest, *highest));
  }
  return kept;
}

/// "0.25" with as many places as the distance between ticks asks for.
std::string tick_text(double value, double distance, bool percent) {
  if (percent) {
    value *= 100;
    distance *= 100;
  }
  std::string text;
  const double size = std::fabs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-4)) {
    text = fmt::format("{:.3g}", value);
  } else if (size >= 1e4) {
    text = count_text(std::llround(value));
  } else {
    const int places =
        distance >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(distance) - 1e-9));
    text = fmt::format("{:.{}f}", value, std::clamp(places, 0, 6));
  }
  return percent ? text + "%" : text;
}

std::string grid(const Axis& x, const Axis& y, const Plot& plot) {
  std::string svg;
  const auto y_ticks = y.ticks(5);
  for (const double tick : y_ticks) {
    const double at = y.place(tick);
    const double distance = y.log() || y_ticks.size() < 2 ? tick : y_ticks[1] - y_ticks[0];
    svg += fmt::format("<line class='grid' x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}'/>", kLeft,
                       kWidth - kRight, at, at);
    svg += fmt::format("<text class='tick' text-anchor='end' x='{}' y='{:.1f}'>{}</text>",
                       kLeft - 8, at + 4, tick_text(tick, std::fabs(distance), plot.percent));
  }
  for (const double tick : x.ticks(6)) {
    const double at = x.place(tick);
    svg += fmt::format("<line class='axis' x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}'/>", at,
                       kHeight - kBottom, kHeight - kBottom + 5);
    svg += fmt::format("<text class='tick' text-anchor='middle' x='{:.1f}' y='{}'>{}</text>", at,
                       kHeight - kBottom + 19, count_text(std::llround(tick)));
  }
  svg += fmt::format("<line class='axis' x1='{0}' x2='{1}' y1='{2}' y2='{2}'/>", kLeft,
                     kWidth - kRight, kHeight - kBottom);
  return svg + fmt::format("<text class='tick' text-anchor='middle' x='{}' y='{}'>{}</text>",
                           (kLeft + kWidth - kRight) / 2, kHeight - 6, html_escaped(plot.x_label));
}

std::string curve(const PlotSeries& series, size_t colour, const Axis& x, const Axis& y,
                  bool percent) {
  std::string path;
  std::string dots;
  bool pen_down = false;
  for (const auto& point : thinned(series.points)) {
    if (!drawable(point)) {
      pen_down = false;
      continue;
    }
    const double at_x = x.place(point.first);
    const double at_y = y.place(point.second);
    path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", at_x, at_y);
    pen_down = true;
    if (!series.marked) continue;
    dots += fmt::format(
        "<circle r='3.2' cx='{:.1f}' cy='{:.1f}'><title>{}, step {}: {}</title></circle>", at_x,
        at_y, html_escaped(series.name), count_text(std::llround(point.first)),
        percent ? percent_text(point.second) : number_text(point.second));
  }
  return fmt::format("<g style='--c:var(--series-{})'><path d='{}'/>{}</g>", colour % kColours,
                     path, dots);
}

std::string caption(const Plot& plot, bool log) {
  std::string html = fmt::format("<figcaption><b>{}</b>{}<span class='legend'>",
                                 html_escaped(plot.title), log ? " <small>log scale</small>" : "");
  for (size_t i = 0; i < plot.series.size(); ++i) {
    html += fmt::format("<span><i style='background:var(--series-{})'></i>{}</span>", i % kColours,
                        html_escaped(plot.series[i].name));
  }
  return html + "</span></figcaption>";
}

}  // namespace

std::vector<double> nice_ticks(double low, double high, int count) {
  std::vector<double> ticks;
  if (!(high > low) || !std::isfinite(high - low) || count < 1) return ticks;
  const double rough = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
  // By index, so that rounding does not add up and 0 is 0.
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) {
    ticks.push_back(i * step == 0 ? 0 : i * step);
  }
  return ticks;
}

std::string svg_figure(const Plot& plot) {
  Range x_range;
  Range y_range;
  for (const PlotSeries& series : plot.series) {
    for (const auto& point : series.points) {
      if (!drawable(point)) continue;
      x_range.include(point.first);
      y_range.include(point.second);
    }
  }
  if (x_range.empty())
    return "<figure>" + caption(plot, false) + "<p class='none'>nothing measured yet</p></figure>";
  const bool log = plot.may_be_log && y_range.low > 0 && y_range.high / y_range.low > kLogFrom;
  x_range.include(0);
  const Axis x(x_range, false, kLeft, kWidth - kRight);
  Axis y(y_range, log, kHeight - kBottom, kTop);
  y.pad(0.05);
  std::string svg = fmt::format("<svg viewBox='0 0 {} {}' role='img' aria-label='{}'>", kWidth,
                                kHeight, html_escaped(plot.title));
  svg += grid(x, y, plot);
  for (size_t i = 0; i < plot.series.size(); ++i)
    svg += curve(plot.series[i], i, x, y, plot.percent);
  return "<figure>" + caption(plot, log) + svg + "</svg></figure>";
}

std::string html_escaped(const std::string& text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += letter;
    }
  }
  return escaped;
}

}  // namespace lockstep
