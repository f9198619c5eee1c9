// Tables in and out of a forecaster.
#pragma once

#include "trainer/model/libtorch.h"

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "trainer/tasks/series_shape.h"

namespace lockstep {

/// The end of a table, as the network takes it.
struct TableWindow {
  torch::Tensor inputs_T1F;
  torch::Tensor known_H1G;     ///< undefined without a calendar
  std::string date_column;     ///< empty: the table has no dates
  std::vector<int64_t> times;  ///< of the steps ahead, when it has
};

/// Reads a CSV file, plain or gzip, with the columns the model was trained on (by name, else by
/// number when it was trained on a table without names); a column beside them that holds dates
/// tells the time. Steps ahead are as far apart as the last two rows. Throws Error: missing,
/// usage for a column that is not there, corrupt for what is no number or no date and for less rows
/// than the history.
TableWindow read_last_window(const std::filesystem::path& file, const SeriesShape& shape);

/// Forecasts [H, K] in the order in which they are written.
class ForecastColumns {
 public:
  /// `suffix` stands behind the targets' names.
  void add(const std::string& suffix, const torch::Tensor& values_HK) {
    parts_.emplace_back(suffix, values_HK.contiguous());
  }
  const std::vector<std::pair<std::string, torch::Tensor>>& parts() const { return parts_; }

 private:
  std::vector<std::pair<std::string, torch::Tensor>> parts_;
};

/// A header, then a row for each step ahead.
void write_forecast(const TableWindow& window, const ForecastColumns& columns,
                    const SeriesShape& shape, std::ostream& out);

}  // namespace lockstep
