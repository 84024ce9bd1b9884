"""The tutorial's four plots, as a file that any browser shows: train and test loss and accuracy, epoch by epoch."""

from collections.abc import Mapping, Sequence

import numpy as np

from training.report import Series, budget, detail, grouped, settings_of, title
from training.run import Run

PLOTS = {
    "epoch/train_loss": "Train loss",
    "epoch/train_accuracy": "Train accuracy",
    "epoch/test_loss": "Test loss",
    "epoch/test_accuracy": "Test accuracy",
}


def curve(members: Sequence[Run], series: Mapping[str, Series], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs and the mean over the seeds, as far as all of them have come."""
    per_epoch = settings_of(members[0].settings).steps_per_epoch
    found = [series[run.id][name] for run in members if name in series[run.id]]
    if not found:
        return np.array([]), np.array([])
    length = min(len(steps) for steps, _ in found)
    return found[0][0][:length] / per_epoch, np.mean([values[:length] for _, values in found], axis=0)


def html(runs: Sequence[Run], series: Mapping[str, Series], styles: Sequence[tuple[str, str]] = ()) -> str:
    """The four plots of the runs, a line for each setting (mean over seeds), as a page that needs no network.

    styles: colour and dash pattern of each line; Plotly's own where there are none.
    """
    from plotly.colors import DEFAULT_PLOTLY_COLORS as colourway
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    figure: Figure = make_subplots(2, 2, subplot_titles=list(PLOTS.values()), vertical_spacing=0.12)
    budgets = []
    for index, members in enumerate(grouped(runs).values()):
        colour, dash = styles[index % len(styles)] if styles else (colourway[index % len(colourway)], "")
        line = {"color": colour, "dash": dash.replace(" ", "px,") + "px" if dash else "solid"}
        settings = settings_of(members[0].settings)
        budgets.append(budget(settings))
        label = f"{title(settings)}, {detail(settings)}" + (f" (mean of {len(members)})" if len(members) > 1 else "")
        for place, name in enumerate(PLOTS):
            epochs, values = curve(members, series, name)
            figure.add_trace(
                Scatter(x=epochs, y=values, name=label, legendgroup=label, showlegend=place == 0, line=line),
                row=place // 2 + 1, col=place % 2 + 1,
            )  # fmt: skip
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(tickformat=".0%", col=2)
    figure.update_layout(title="; ".join(dict.fromkeys(budgets)), template="plotly_white", height=820)
    return figure.to_html(include_plotlyjs=True)
