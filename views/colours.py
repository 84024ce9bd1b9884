"""Colours of runs."""
COLOURS = ("#0379fb", "#e72143", "#72327d", "#0bbbff", "#b4b40d", "#b063a9", "#ff85a8", "#991700", "#362fcd")
def style(index: int) -> tuple[str, str]:
    """x"""
    return COLOURS[index % 9], ("", "7 4", "2 4")[index // 9 % 3]
