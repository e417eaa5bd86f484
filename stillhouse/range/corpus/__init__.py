"""Where the words come from: packages that are installed anyway, or a folder that the user names."""

from pathlib import Path

from stillhouse.range.corpus.corpus import CodingSession, Conversation, Corpus, Item, Task
from stillhouse.range.corpus.folder import folder_corpus
from stillhouse.range.corpus.packaged import packaged_corpus

__all__ = ["CodingSession", "Conversation", "Corpus", "Item", "Task", "folder_corpus", "load_corpus", "packaged_corpus"]


def load_corpus(folder: Path | None) -> Corpus:
    """The corpus of a folder, or the packaged one where none is named."""
    return packaged_corpus() if folder is None else folder_corpus(folder)
