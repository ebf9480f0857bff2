"""What to do about a system that is not proven: changes of its file, each verified by analysing the changed file."""

from rtsched.verify.actions.action import Action, Actions
from rtsched.verify.actions.search import actions

__all__ = ["Action", "Actions", "actions"]
