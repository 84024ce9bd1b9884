"""The picture of the pages Minibatch and The two momenta, their sections and sentences; drawn in the browser."""

from views.component import speaking
from views.messages import StudyMessage

study = speaking("study/study", StudyMessage)
