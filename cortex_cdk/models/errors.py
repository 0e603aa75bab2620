"""The errors of model files. Each message says where, what was found, what is expected and what to do."""

from __future__ import annotations


class ModelError(Exception):
    """A model cannot be used; the base of all errors in this package."""


class LayoutError(ModelError):
    """A folder, zip or prefix does not hold a TensorFlow export, or not a whole one."""


class ArchiveError(ModelError):
    """A zip is damaged, unsafe to unpack, or too large."""


class DownloadError(ModelError):
    """A model could not be fetched from S3."""


class SavedModelError(ModelError):
    """``saved_model.pb`` cannot be read, or has no graph for serving."""
