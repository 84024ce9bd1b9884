"""The sentences about what is not allowed, each under the path of the setting that it is about."""

MOST = 200  # sentences of one page; every field of it may be wrong at once
PATH, SENTENCE = 100, 1000  # characters


def note(problems: dict[str, str], path: str, wrong: object) -> None:
    """Puts a sentence under a path; what is longer than any of ours is cut, and the oldest go where there are many.

    Paths and values are the visitor's, and what is kept of them stays as long as the session.
    """
    path = path[:PATH]
    problems.pop(path, None)
    problems[path] = f"{str(wrong)[:SENTENCE]}."
    while len(problems) > MOST:
        del problems[next(iter(problems))]
