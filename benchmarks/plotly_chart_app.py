"""The peer of ``benchmarks.page``: the same picture by Streamlit's own slider and ``st.plotly_chart``, as shipped."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from optim_core import RULES, trace
from surfaces import SURFACES
from views.shared.colours import style

SURFACE = SURFACES["ravine"]
CARDS = ("gradient_descent", "momentum", "nesterov", "rmsprop", "adam", "adamax")

lr = st.slider("lr", 0.001, 0.03, 0.01, 0.0005, format="%.4f")
kind = st.query_params.get("kind", "contour")


@st.fragment
def picture() -> None:
    """Contour or surface, six paths of 500 points."""
    x, y = np.linspace(-5, 5, 200, dtype=np.float32), np.linspace(-5, 5, 200, dtype=np.float32)
    z = SURFACE.value(*np.meshgrid(x, y)).astype(np.float32)
    traces: list = [go.Contour(x=x, y=y, z=z) if kind == "contour" else go.Surface(x=x, y=y, z=z)]
    for number, name in enumerate(CARDS):
        run = trace(RULES[name], SURFACE, (-4, 2), 500, hyper={"lr": lr} if name == "momentum" else {})
        px, py, pz = run.path[:, 0].astype(np.float32), run.path[:, 1].astype(np.float32), run.loss.astype(np.float32)
        colour = {"color": style(number)[0]}
        if kind == "contour":
            traces.append(go.Scatter(x=px, y=py, mode="lines", line=colour))
        else:
            traces.append(go.Scatter3d(x=px, y=py, z=pz, mode="lines", line=colour))
    figure = go.Figure(traces, {"height": 600, "title": {"text": f"lr {lr:.4f}"}, "uirevision": 1})
    st.plotly_chart(figure, key="chart")


picture()
