"""The runs of the Training page as files."""

from collections.abc import Sequence

from training import export, plots, report
from training.runs import Store
from views.shared.exports import Export
from views.training.race import colours_of


def four_plots(store: Store, ids: Sequence[str]) -> str:
    """The tutorial's plots of runs, as a page of HTML."""
    runs = report.readable(store.get(run) for run in ids)
    return plots.html(runs, report.series_of(store, runs), list(colours_of(runs).values()))


# Made of the store and the ids of runs.
EXPORTS = {
    "ravine-runs.csv": Export("CSV", "A row for each point", "text/csv", export.csv),
    "ravine-runs.parquet": Export("Parquet", "A row for each point", "application/vnd.apache.parquet", export.parquet),
    "ravine-runs.json": Export("JSON", "Settings, facts, and every series", "application/json", export.as_json),
    "ravine-plots.html": Export(
        "Four plots (HTML)", "Train and test loss and accuracy by epoch, as the tutorial plots them", "text/html",
        four_plots,
    ),
}  # fmt: skip
