"""The errors a caller can meet; every message says what was looked for, what was found and what to do next.

RagError
├── SettingsError    a setting or environment variable that is unknown or out of range
├── CorpusError      an unreadable file, an article that cannot be used, added or removed
│   └── EmptyCorpusError   no articles at all
├── IndexStoreError  an index on disk that is damaged, locked or cannot be written
├── ModelError       a model that is missing, damaged, will not load or does not answer
│   └── ContextError       a prompt longer than the model's context window
├── QuestionError    a question or a history that cannot be asked
└── EvaluationError  a question file or an output path that cannot be used
"""

from __future__ import annotations


class RagError(Exception):
    """Base of every error that Footnote raises on purpose."""


class SettingsError(RagError):
    """A setting or an environment variable is unknown or out of range."""


class CorpusError(RagError):
    """The corpus folder or one of its files cannot be used."""


class EmptyCorpusError(CorpusError):
    """The corpus folder holds no articles."""


class IndexStoreError(RagError):
    """The index on disk is damaged, locked by another process, or cannot be written."""


class ModelError(RagError):
    """A model is missing, damaged, or will not load."""


class ContextError(ModelError):
    """A prompt is longer than the model's context window."""


class QuestionError(RagError):
    """A question or a history is of the wrong type, empty, or too long."""


class EvaluationError(RagError):
    """A question file or an output path cannot be used."""
