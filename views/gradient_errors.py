"""The picture of errors against h, its table and its sentences; drawn in the browser."""

from views.component import speaking
from views.messages import ErrorsMessage

gradient_errors = speaking("gradients/gradient_errors", ErrorsMessage)
