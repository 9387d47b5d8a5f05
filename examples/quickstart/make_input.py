"""Makes `input/` again from the tables in PyPI's `vega_datasets` 0.9.0 (not needed to run the example).

    pip install vega_datasets==0.9.0
    python make_input.py

Each folder is what a job that dumps whole tables at the end of a period would have written on that day: the table's
rows up to and including the folder's date. No row is changed.
"""

import gzip
import importlib.metadata
from pathlib import Path

# The table, the column its date is in, and the days on which it was "dumped".
MONTHS = [f"2010-{month:02}-{day}" for month, day in enumerate([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], 1)]
TABLES = {
    "seattle-temps": (0, MONTHS),
    "sf-temps": (1, MONTHS),
    "seattle-weather": (0, ["2012-12-31", "2013-12-31", "2014-12-31", "2015-12-31"]),
}


def main():
    files = importlib.metadata.distribution("vega_datasets")
    for table, (column, days) in TABLES.items():
        text = Path(files.locate_file(f"vega_datasets/_data/{table}.csv")).read_text(encoding="utf-8")
        header, *rows = text.splitlines()
        for day in days:
            # `2010/01/31 23:00` begins with the day: compare that much.
            upto = [row for row in rows if row.split(",")[column][:10].replace("/", "-") <= day]
            dump = "\n".join([header, *upto]) + "\n"
            folder = Path(__file__).parent / "input" / day
            folder.mkdir(parents=True, exist_ok=True)
            # No time stamp in the archive: the same rows give the same bytes.
            (folder / f"{table}.csv.gz").write_bytes(gzip.compress(dump.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
