#include "trainer/observers/html_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "trainer/observers/epoch_table.h"
#include "trainer/observers/number_text.h"
#include "trainer/observers/svg_plot.h"
#include "trainer/observers/time_shares.h"

namespace lockstep {
namespace {

constexpr int kReloadSeconds = 15;
constexpr int64_t kExampleHeight = 64;  // of a small picture, in pixels of the screen

bool is_training(const MetricsRow& row) {
  return row.split == "train" || row.split == kTrainEpoch;
}

/// "train", then the evaluated splits in the order of their first appearance.
std::vector<std::string> splits_of(const std::vector<MetricsRow>& rows) {
  std::vector<std::string> splits = {"train"};
  for (const MetricsRow& row : rows) {
    const bool known = std::find(splits.begin(), splits.end(), row.split) != splits.end();
    if (!known && !is_training(row)) splits.push_back(row.split);
  }
  return splits;
}

/// The task's metrics in the order of their first appearance.
std::vector<std::string> metrics_of(const std::vector<MetricsRow>& rows) {
  std::vector<std::string> names;
  for (const MetricsRow& row : rows) {
    for (const auto& [name, value] : row.values) {
      const bool known = std::find(names.begin(), names.end(), name) != names.end();
      if (!known && !is_bookkeeping(name)) names.push_back(name);
    }
  }
  return names;
}

PlotSeries series_of(const std::vector<MetricsRow>& rows, const std::string& split,
                     const std::string& name) {
  PlotSeries series{.name = split, .points = {}, .marked = split != "train"};
  for (const MetricsRow& row : rows) {
    const double* value = row.split == split ? row.find(name) : nullptr;
    if (value != nullptr) series.points.emplace_back(static_cast<double>(row.step), *value);
  }
  return series;
}

std::string metric_plots(const std::vector<MetricsRow>& rows) {
  std::string html;
  for (const std::string& name : metrics_of(rows)) {
    const bool percent = name.ends_with("accuracy");
    Plot plot{.title = name, .series = {}, .percent = percent, .may_be_log = !percent};
    for (const std::string& split : splits_of(rows)) {
      PlotSeries series = series_of(rows, split, name);
      if (!series.points.empty()) plot.series.push_back(std::move(series));
    }
    html += svg_figure(plot);
  }
  return html;
}

std::string training_plots(const std::vector<MetricsRow>& rows) {
  std::string html;
  const std::vector<std::pair<std::string, std::string>> plots = {
      {"learning_rate", "learning rate"},
      {"gradient_norm", "gradient norm"},
      {"samples_per_second", "samples per second"}};
  for (const auto& [name, title] : plots) {
    html += svg_figure({.title = title,
                        .series = {series_of(rows, "train", name)},
                        .may_be_log = name == "gradient_norm"});
  }
  return html;
}

std::string card(const std::string& label, const std::string& value) {
  return fmt::format("<div class='card'><span>{}</span><b>{}</b></div>", html_escaped(label),
                     html_escaped(value));
}

/// The last figures of each evaluated split, then speed and length.
std::string cards(const ReportContent& content) {
  std::map<std::string, const MetricsRow*> last;
  for (const MetricsRow& row : content.rows) last[row.split] = &row;
  std::string html;
  for (const std::string& split : splits_of(content.rows)) {
    if (!last.contains(split)) continue;
    for (const auto& [name, value] : last[split]->values) {
      if (!is_bookkeeping(name)) html += card(split + " " + name, metric_text(name, value));
    }
  }
  const RunResult& result = content.result;
  html += card("samples per second", rate_text(result.samples_per_second));
  html += card("time", duration_text(result.seconds));
  return html + card("steps", count_text(result.steps));
}

/// The epochs as the terminal shows them, put together from the rows.
std::vector<EpochReport> epochs_of(const std::vector<MetricsRow>& rows) {
  const auto task_metrics = [](const MetricsRow& row) {
    Metrics metrics;
    for (const auto& one : row.values) {
      if (!is_bookkeeping(one.first)) metrics.push_back(one);
    }
    return metrics;
  };
  std::map<int64_t, EpochReport> epochs;  // by the step of their end
  for (const MetricsRow& row : rows) {
    if (row.split != kTrainEpoch) continue;
    EpochReport epoch{
        .epoch = row.epoch, .step = row.step, .train = task_metrics(row), .evaluations = {}};
    if (const double* seconds = row.find("seconds")) epoch.seconds = *seconds;
    if (const double* rate = row.find("samples_per_second")) {
      epoch.samples = static_cast<int64_t>(*rate * epoch.seconds + 0.5);
    }
    epochs[row.step] = epoch;
  }
  for (const MetricsRow& row : rows) {
    const auto epoch = epochs.find(row.step);
    if (is_training(row) || epoch == epochs.end()) continue;
    epoch->second.evaluations.push_back({.split = row.split, .metrics = task_metrics(row)});
  }
  std::vector<EpochReport> in_order;
  for (auto& [step, epoch] : epochs) in_order.push_back(std::move(epoch));
  return in_order;
}

std::string epoch_section(const std::vector<MetricsRow>& rows) {
  const std::vector<EpochReport> epochs = epochs_of(rows);
  if (epochs.empty()) return "";
  const std::vector<std::string> columns = epoch_columns(epochs);
  std::string html = "<h2>Epochs</h2><div class='panel flush'><table><tr>";
  for (const std::string& column : columns) html += "<th>" + html_escaped(column) + "</th>";
  html += "</tr>";
  for (const EpochReport& epoch : epochs) {
    html += "<tr>";
    for (const std::string& cell : epoch_cells(epoch, columns))
      html += "<td>" + html_escaped(cell) + "</td>";
    html += "</tr>";
  }
  return html + "</table></div>";
}

std::string time_section(const RunResult& result) {
  std::string bar;
  std::string legend;
  size_t colour = 0;
  for (const TimeShare& share : time_shares(result)) {
    const std::string paint =
        share.key == "other" ? "var(--soft)" : fmt::format("var(--series-{})", colour++);
    bar += fmt::format("<div style='width:{:.3f}%;background:{}' title='{}'></div>",
                       100 * share.fraction, paint, share.label);
    legend += fmt::format("<span><i style='background:{}'></i>{} <b>{:.1f} %</b></span>", paint,
                          share.label, 100 * share.fraction);
  }
  std::string hints;
  for (const std::string& advice : advice_on(result))
    hints += "<li>" + html_escaped(advice) + "</li>";
  if (!hints.empty()) hints = "<ul class='hints'>" + hints + "</ul>";
  return fmt::format(
      "<h2>Where the time went</h2><div class='panel'><div class='bar'>{}</div>"
      "<div class='legend shares'>{}</div>{}</div>",
      bar, legend, hints);
}

std::string facts(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string html = "<div class='panel'><dl>";
  for (const auto& [name, value] : pairs) {
    if (!value.empty())
      html += fmt::format("<dt>{}</dt><dd>{}</dd>", html_escaped(name), html_escaped(value));
  }
  return html + "</dl></div>";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string run_section(const ReportContent& content) {
  const RunInfo& info = content.info;
  const RunResult& result = content.result;
  std::vector<std::pair<std::string, std::string>> pairs = {
      {"task", info.task},
      {"model", info.model_summary},
      {"parameters", count_text(info.parameters)},
      {"training samples", count_text(info.train_samples)},
      {"global batch", count_text(info.batch_size)},
      {"steps", fmt::format("{} of {}", count_text(result.steps), count_text(info.total_steps))},
      {"ranks", fmt::format("{} x {}", info.world_size, info.device)},
      {"communication", info.communication},
      {"hosts", joined(info.hosts)},
      {"continued after step", info.start_step > 0 ? count_text(info.start_step) : ""},
      {"run folder", info.run_dir.string()},
      {"last checkpoint", result.last_checkpoint},
      {"parameters SHA-256", result.parameters_sha256}};
  if (result.status != "running") {
    pairs.emplace_back("step time",
                       fmt::format("{:.3g} ms median, 95 % under {:.3g} ms",
                                   result.step_milliseconds_p50, result.step_milliseconds_p95));
    pairs.emplace_back("padding", percent_text(result.padding_fraction));
    pairs.emplace_back("waiting for slower ranks", percent_text(result.imbalance_fraction));
    pairs.emplace_back("peak memory", bytes_text(result.peak_memory_bytes));
  }
  for (const auto& [name, version] : result.versions) pairs.emplace_back(name, version);
  return "<h2>Run</h2>" + facts(pairs);
}

std::string head(const ReportContent& content) {
  const bool running = content.result.status == "running";
  return fmt::format(
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
      "<meta name='viewport' content='width=device-width, initial-scale=1'>{}<title>{}</title>"
      "<style>{}</style></head>",
      running ? fmt::format("<meta http-equiv='refresh' content='{}'>", kReloadSeconds) : "",
      html_escaped(content.info.config_name), kReportStyle);
}

std::string title(const ReportContent& content) {
  const std::string status = html_escaped(content.result.status);
  std::string html =
      fmt::format("<header><h1>{}<span class='pill {}'>{}</span></h1><p>{}</p></header>",
                  html_escaped(content.info.config_name), status, status,
                  html_escaped(content.info.model_summary));
  if (!content.result.message.empty()) {
    html += "<p class='panel message'>" + html_escaped(content.result.message) + "</p>";
  }
  return html;
}

std::string warning_section(const std::vector<std::string>& warnings) {
  if (warnings.empty()) return "";
  std::string html = "<h2>Warnings</h2><div class='panel'><ul class='warnings'>";
  for (const std::string& text : warnings) html += "<li>" + html_escaped(text) + "</li>";
  return html + "</ul></div>";
}

std::string example_section(const std::vector<Example>& examples) {
  if (examples.empty()) return "";
  std::string html = "<h2>Examples</h2><div class='examples'>";
  for (const Example& example : examples) {
    html += "<div class='panel'>";
    if (!example.text.empty()) html += "<p>" + html_escaped(example.text) + "</p>";
    for (const auto& [shows, picture] : example.pictures) {
      const int64_t enlarged =
          std::max<int64_t>(1, kExampleHeight / std::max<int64_t>(1, picture.height));
      html += fmt::format(
          "<div class='picture'><span>{}</span><img alt='{}' width='{}' src='{}'></div>",
          html_escaped(shows), html_escaped(shows), enlarged * picture.width, png_address(picture));
    }
    html += "</div>";
  }
  return html + "</div>";
}

}  // namespace

std::string html_page(const ReportContent& content) {
  std::string body = title(content);
  body += "<div class='cards'>" + cards(content) + "</div>";
  body += "<h2>Learning</h2><div class='plots'>" + metric_plots(content.rows) + "</div>";
  body += example_section(content.result.examples);
  body += epoch_section(content.rows);
  body += time_section(content.result);
  body += "<h2>Training</h2><div class='plots'>" + training_plots(content.rows) + "</div>";
  body += warning_section(content.warnings);
  body += run_section(content);
  body += "<h2>Configuration</h2><div class='panel'><details><summary>every value</summary><pre>" +
          html_escaped(content.info.config_text) + "</pre></details></div>";
  body +=
      "<footer>Written by Lockstep; the numbers are in metrics.csv, metrics.jsonl and "
      "result.json.</footer>";
  return head(content) + "<body><main>" + body + "</main></body></html>\n";
}

}  // namespace lockstep
