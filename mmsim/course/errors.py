"""The course's own exceptions: one clear line each, in a terminal and in a notebook."""


class CourseError(Exception):
    """Something the learner or an author can put right; the message says what and where.

    >>> CourseError("answer 02.q1: no choice 'E'")._render_traceback_()
    ["CourseError: answer 02.q1: no choice 'E'"]
    """

    def _render_traceback_(self) -> list[str]:
        """The traceback a notebook shows: IPython asks for it, and the frames would teach nothing."""
        return [f"{type(self).__name__}: {self}"]


class QuestionFileError(CourseError):
    """A question or misconception file breaks its format."""


class UnknownQuestion(CourseError):
    """No question, or no notebook, has this id."""


class BadAnswer(CourseError):
    """A letter, a confidence or a use that the question does not allow."""


class NoSuchValue(CourseError):
    """A run computed a value that no choice of its question has."""


class StateError(CourseError):
    """The learner's state cannot be read or written."""


class UnknownExercise(CourseError):
    """No exercise, or no set of them, has this id."""
