"""Stories: states of the Trajectories page worth looking at, each a link, with what is seen there, and why.

A test holds every number in these texts against the runs they speak of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Story:
    """One thing to see.

    name: the word in its link, ``?story=name``. text: what is seen and why, in two or three sentences. task: the thing
    to try. query: the fields of the link that opens it.
    """

    name: str
    title: str
    text: str
    task: str
    query: Mapping[str, str] = field(hash=False)


_ALL = (
    Story(
        "ravine",
        "The ravine: who oscillates",
        "Across this valley the curvature is 30, along it 1. Gradient descent at 0.06 jumps from one slope to the "
        "other at each of its first 30 steps and needs 97 steps to reach the minimum. Momentum sums gradients: across "
        "the valley they cancel, along it they add up; it crosses the floor 8 times in 30 steps and needs 51.",
        "Drag the learning rate of gradient descent down to 0.03: the zigzag vanishes, and the way along the floor "
        "takes twice as long.",
        {
            "surface": "ravine",
            "start": "-4,2",
            "steps": "100",
            "card.0": "gradient_descent,lr=0.06",
            "card.1": "momentum,lr=0.02,momentum=0.8",
        },
    ),
    Story(
        "edge",
        "Three learning rates and the edge 2/L",
        "Gradient descent multiplies its distance from the valley’s floor by 1 − ηL at each step, L = 30 being the "
        "largest curvature. At η = 0.03 that is 0.1, and the path goes straight to the floor; at 0.064 it is −0.92, "
        "and it oscillates; at 0.07 it is −1.1, and the path is out of the window at step 10. The edge between the "
        "last two, marked red on the sliders, is 2/L = 0.0667: there every step mirrors the point.",
        "Type 0.0667 in place of 0.07: the zigzag keeps its size. Then drag the condition κ, which is L here, and "
        "watch the marks.",
        {
            "surface": "ravine",
            "start": "-4,2",
            "steps": "20",
            "card.0": "gradient_descent,lr=0.07",
            "card.1": "gradient_descent,lr=0.064",
            "card.2": "gradient_descent,lr=0.03",
        },
    ),
    Story(
        "forms",
        "Momentum’s two forms are one",
        "Momentum sums gradients, its average form takes a moving average of them. With η divided by 1 − μ, here "
        "0.02 beside 0.002 with μ = 0.9, the two paths lie on each other; they differ by less than 1e−8. With the "
        "same rate of 0.002 the average form takes ten times shorter steps and falls into the valley without a swing: "
        "rates of one form mean nothing in the other.",
        "Set μ of momentum to 0.8; the rate of the average form with β = 0.8 that fits is now 0.01.",
        {
            "surface": "himmelblau",
            "start": "-0.5,-4",
            "steps": "100",
            "card.0": "momentum,lr=0.002,momentum=0.9",
            "card.10": "momentum_average,lr=0.02,beta=0.9",
            "card.3": "momentum_average,lr=0.002,beta=0.9",
        },
    ),
    Story(
        "ball",
        "A rolling ball beside momentum",
        "The dotted line is a ball that rolls downhill with friction 1 − μ = 0.05: the solution of the differential "
        "equation x″ = −(1 − μ) x′ − η ∇f, with one unit of time for each step. Momentum is that equation in steps of "
        "one unit: it stays within 0.6 of the ball, rolls past the nearest minimum as the ball does, and settles at "
        "the same one.",
        "Raise momentum’s learning rate to 0.02: its steps become too coarse, and at times the two are 3.5 apart.",
        {
            "surface": "himmelblau",
            "start": "0,0",
            "steps": "200",
            "card.1": "momentum,lr=0.003,momentum=0.95",
            "view.ball": "1",
        },
    ),
    Story(
        "shrinking",
        "AdaGrad shrinks, RMSProp does not",
        "Both have the rate 0.1 and divide each coordinate of the gradient by the root of its squares. AdaGrad sums "
        "them, so that what divides only grows: after 40 steps it has 2.04 of 3.36 left to go, after 300 it still "
        "creeps. RMSProp forgets and is at the minimum after 36; but there its average shrinks with the gradient "
        "until the step is too long, and at step 84 it is thrown out again.",
        "Raise AdaGrad’s rate to 0.5: it reaches the minimum at step 35 and, unlike RMSProp, stays.",
        {
            "surface": "himmelblau",
            "start": "-0.5,-4",
            "steps": "300",
            "card.0": "adagrad,lr=0.1",
            "card.10": "rmsprop,lr=0.1,alpha=0.9",
            "view.step": "40",
        },
    ),
    Story(
        "sign",
        "RMSProp as sign descent",
        "With α = 0 RMSProp divides each coordinate of the gradient by its own size: only the sign is left, and every "
        "step is ±0.1 along both axes. Its path and that of sign descent are the same, and both end in a cycle around "
        "the minimum. With a memory, α = 0.9, the coordinates keep some of their proportion.",
        "Drag α of the first RMSProp from 0 upwards and see the path leave the diagonals.",
        {
            "surface": "himmelblau",
            "start": "-0.5,-4",
            "steps": "100",
            "card.0": "rmsprop,lr=0.1,alpha=0,eps=0",
            "card.11": "sign_descent,lr=0.1",
            "card.3": "rmsprop,lr=0.1,alpha=0.9",
        },
    ),
    Story(
        "bias",
        "Adam’s bias correction",
        "Adam’s two averages begin at zero. The second is slower and is too small for longer, so that without the "
        "correction the first step is 3.16 times as long, the fifth 5.2 times; Adam shoots past the minimum. "
        "Corrected, no step in the first ten is longer than 0.1 along an axis.",
        "Switch the bias correction of the second Adam on: the two paths become one. Switch it off and set β₂ to 0.9: "
        "now the first step is too short, a third of what it should be.",
        {
            "surface": "ravine",
            "start": "-4,2",
            "steps": "120",
            "card.0": "adam,lr=0.1",
            "card.1": "adam,lr=0.1,bias_correction=0",
        },
    ),
    Story(
        "decay",
        "L2 in Adam, and AdamW",
        "An L2 penalty of 1 goes into Adam’s gradient. In this valley that multiplies each coordinate of the gradient "
        "by a constant, which Adam divides out again: its path is the one of AdamW with no decay at all. AdamW with "
        "the same weight decay of 1 shrinks both coordinates at every step, whatever the gradient.",
        "Turn the valley: with φ = 45° the penalty no longer vanishes from Adam’s path.",
        {
            "surface": "ravine",
            "start": "-4,2",
            "steps": "120",
            "difference": "exact",
            "around.weight_decay": "1",
            "card.0": "adam,lr=0.1,eps=0",
            "card.10": "adamw,lr=0.1,weight_decay=0,eps=0",
            "card.2": "adamw,lr=0.1,weight_decay=1,eps=0",
        },
    ),
    Story(
        "printed",
        "139 and 127 epochs, as printed",
        "A tutorial reports that gradient descent on Ackley’s function needs 139 epochs and momentum 127. Both "
        "numbers come out only with its gradient as it is printed, f(x+h) − f(x−h)/(2h): a pair of parentheses is "
        "missing. That quantity is about −f/(2h), some −3,300, and has nothing to do with the slope; so the dots walk "
        "over all dents along the diagonal until f is nearly 0.",
        "Go on to the next story: the same settings with the right formula.",
        {
            "surface": "ackley",
            "start": "-2,-2",
            "steps": "300",
            "difference": "as_printed",
            "spacing": "0.001",
            "stop": "step",
            "tolerance": "0.001",
            "card.0": "gradient_descent,lr=1e-5",
            "card.10": "momentum,lr=1e-5,momentum=0.1",
        },
    ),
    Story(
        "mended",
        "The same epochs as they should be",
        "The same settings with the right formula, (f(x+h) − f(x−h))/(2h): both stop after 1 epoch, at "
        "(−1.99999, −1.99999), because the first step is already shorter than the stop rule’s 0.001. With a rate "
        "of 0.01, a thousand times as large, gradient descent does move, and falls into the dent beside the start, "
        "near (−1.975, −1.975).",
        "Choose the gradient “As a tutorial prints it” again, under the sliders: the numbers 139 and 127 come back.",
        {
            "surface": "ackley",
            "start": "-2,-2",
            "steps": "300",
            "difference": "central",
            "spacing": "0.001",
            "stop": "step",
            "tolerance": "0.001",
            "window": "-2.04,-1.94,-2.04,-1.94",
            "card.0": "gradient_descent,lr=1e-5",
            "card.10": "momentum,lr=1e-5,momentum=0.1",
            "card.3": "gradient_descent,lr=0.01",
        },
    ),
    Story(
        "ridge",
        "A start on the ridge of a saddle",
        "The start lies exactly on the ridge, y = 0. There the gradient has no part across the ridge, so nothing that "
        "follows it can leave: gradient descent, momentum and Adam walk to the saddle at (0, 0) and stay, though the "
        "minima (0, 3) and (0, −3) lie deeper.",
        "Drag the start off the ridge by a hair, or add gradient noise of 0.001 under “Around every optimizer”.",
        {
            "surface": "saddle",
            "start": "-3,0",
            "steps": "200",
            "difference": "exact",
            "card.0": "gradient_descent,lr=0.1",
            "card.1": "momentum,lr=0.1",
            "card.2": "adam,lr=0.1",
        },
    ),
    Story(
        "beside",
        "A millionth beside the ridge",
        "The same start, moved off the ridge by 0.000001. Adam, for which the size of a gradient does not matter, "
        "leaves at once and is at the minimum (0, 3) at step 111; momentum comes there at step 150; gradient descent "
        "goes to the saddle first, must wait until the distance has grown, and needs 180. Newton’s method takes the "
        "saddle for a minimum and stays there.",
        "Set the start’s y to 0.01, then to 1e−9: who is slowed down, and who is not?",
        {
            "surface": "saddle",
            "start": "-3,1e-6",
            "steps": "200",
            "difference": "exact",
            "card.0": "gradient_descent,lr=0.1",
            "card.1": "momentum,lr=0.1",
            "card.2": "adam,lr=0.1",
            "card.3": "newton",
        },
    ),
    Story(
        "dents",
        "Ackley’s local minima catch whom?",
        "Every dent is a local minimum. Gradient descent and Adam end in the one next to the start, near "
        "(−1.965, 0.9824); momentum rolls over the dents to the middle. CMA-ES, which throws a cloud of points wider "
        "than a dent and uses no gradient, reaches the minimum at step 29.",
        "Drag the start around: from (−3.6, 2.7) momentum is caught, too. And from here Adam escapes at a rate of 0.3.",
        {
            "surface": "ackley",
            "start": "-2.5,1.6",
            "steps": "300",
            "card.0": "gradient_descent,lr=0.01",
            "card.1": "momentum,lr=0.01",
            "card.2": "adam,lr=0.1",
            "card.3": "cma_es",
        },
    ),
)

STORIES: Mapping[str, Story] = MappingProxyType({story.name: story for story in _ALL})


def neighbours(name: str) -> tuple[Story | None, Story | None]:
    """The story before the named one and the one after it; None beyond the ends."""
    names = [None, *STORIES, None]
    place = names.index(name)
    before, after = names[place - 1], names[place + 1]
    return STORIES.get(before or ""), STORIES.get(after or "")
