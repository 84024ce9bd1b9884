"""Styblinski and Tang's function: the same tilted double well along both axes.

The least value is printed as -39.16599 a variable; it is -39.166166.
"""

NAME = "Styblinski-Tang"
FAMILY = "a few minima"
REFERENCE = "M. A. Styblinski and T.-S. Tang, Neural Networks 3 (1990) 467-483; sfu.ca/~ssurjano/stybtang.html"
DIFFICULTY = "Of four minima three are not the lowest, and each has nearly as wide a basin as the lowest one."
DOMAIN = ((-5.0, 5.0), (-5.0, 5.0))
START = (0.6, 4.2)
LATEX = r"\tfrac12\left(x^4 - 16x^2 + 5x + y^4 - 16y^2 + 5y\right)"
# The roots of the two gradient equations, solved to 40 digits and rounded.
MINIMA = (
    (-2.903534027771177, -2.903534027771177, -78.33233140754282),
    (-2.903534027771177, 2.746802770990837, -64.19561235905536),
    (2.746802770990837, -2.903534027771177, -64.19561235905536),
    (2.746802770990837, 2.746802770990837, -50.05889331056788),
)
SADDLES = (
    (-2.903534027771177, 0.1567312567803401, -38.97055334471606),
    (0.1567312567803401, -2.903534027771177, -38.97055334471606),
    (0.1567312567803401, 2.746802770990837, -24.833834296228584),
    (2.746802770990837, 0.1567312567803401, -24.833834296228584),
)


def f(x, y):
    return 0.5 * (x**4 - 16 * x * x + 5 * x + y**4 - 16 * y * y + 5 * y)
