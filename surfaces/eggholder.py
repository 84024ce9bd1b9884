"""The egg holder: waves that grow with the distance, cut off by the window.

The minimum is only one of the window: further out the surface is lower. arXiv:1308.4008 prints its value without the
minus sign.
"""

from optim_core import xp

NAME = "Eggholder"
FAMILY = "many minima"
REFERENCE = (
    "D. Whitley, S. Rana, J. Dzubera and K. E. Mathias, Artificial Intelligence 85 (1996) 245-276; "
    "sfu.ca/~ssurjano/egg.html"
)
DIFFICULTY = "Its deepest hollow is cut off by the edge of the window, among dozens that are nearly as deep."
DOMAIN = ((-512.0, 512.0), (-512.0, 512.0))
START = (100.0, 100.0)
LATEX = r"-(y+47)\sin\sqrt{\left|\tfrac{x}{2} + y + 47\right|} - x\sin\sqrt{\left|x - y - 47\right|}"
# The root of the slope along the edge x = 512, solved to 40 digits and rounded.
MINIMA = ((512.0, 404.2318051137578, -959.6406627208509),)
SMOOTH_AT_MINIMA = False  # the window's edge cuts the hollow off: the gradient points outwards
EDGE_MINIMA = True
LOWER_OUTSIDE = True  # the waves grow with the distance


def f(x, y):
    far, near = xp.sqrt(xp.absolute(0.5 * x + y + 47)), xp.sqrt(xp.absolute(x - y - 47))
    return -(y + 47) * xp.sin(far) - x * xp.sin(near)
