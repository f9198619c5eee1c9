// Line plots as inline SVG. Colours come from the page: series i is drawn in var(--series-i).
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace lockstep {

struct PlotSeries {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< x ascending; those not finite leave a gap
  bool marked = false;                            ///< a dot with its value on each point
};

struct Plot {
  std::string title;
  std::string x_label = "step";
  std::vector<PlotSeries> series;
  bool percent = false;     ///< values are fractions, shown in percent
  bool may_be_log = false;  ///< a logarithmic axis where values span more than a factor of 30
};

/// A <figure> with title, legend and the drawing. Draws at most some 600 points of a series: of
/// longer ones the lowest and highest of each stretch, so that no spike is lost.
std::string svg_figure(const Plot& plot);

/// Round numbers (1, 2 or 5 times a power of ten apart) within [low, high], about `count` of them.
std::vector<double> nice_ticks(double low, double high, int count);

/// Escapes what has a meaning in HTML text and attributes.
std::string html_escaped(const std::string& text);

}  // namespace lockstep
