// The list of importers: one line each.
#include "data/data_tool.h"
#include "data/import/audio.h"
#include "data/import/events.h"
#include "data/import/h5.h"
#include "data/import/idx.h"
#include "data/import/labelled.h"
#include "data/import/likes.h"
#include "data/import/lines.h"
#include "data/import/parallel.h"
#include "data/import/series.h"
#include "data/import/symbols.h"

namespace lockstep {

const std::vector<DataToolEntry>& importers() {
  static const std::vector<DataToolEntry> list{
      audio_importer(),    events_importer(),  h5_importer(),    idx_importer(),
      labelled_importer(), likes_importer(),   lines_importer(), parallel_importer(),
      series_importer(),   symbols_importer(),
  };
  return list;
}

}  // namespace lockstep
