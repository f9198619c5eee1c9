"""Whether a text is the rows of a CSV file as Python reads them, with fields joined by "|".

usage: csv_rows.py TABLE TEXT
"""

import csv
import pathlib
import sys

with open(sys.argv[1], newline="", encoding="utf-8") as table:
    expected = "".join("|".join(row) + "\n" for row in csv.reader(table))
if pathlib.Path(sys.argv[2]).read_bytes() != expected.encode():
    sys.exit("Python reads other rows:\n" + expected)
