// The list of importers: one line each.
#include "data/data_tool.h"
#include "data/import/h5.h"
#include "data/import/idx.h"
#include "data/import/labelled.h"
#include "data/import/lines.h"

namespace lockstep {

const std::vector<DataToolEntry>& importers() {
  static const std::vector<DataToolEntry> list{
      h5_importer(),
      idx_importer(),
      labelled_importer(),
      lines_importer(),
  };
  return list;
}

}  // namespace lockstep
