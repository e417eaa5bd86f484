"""Coding sessions: a task, calls of tools with real files' text, an end."""

import sysconfig
from pathlib import Path

from stillhouse.range.corpus.coding import code_tasks, coding_sessions, library_passages


def test_a_session_lists_reads_edits_and_tests() -> None:
    for session in coding_sessions()[:40]:
        tools = [tool for tool, _, _ in session.steps]
        assert tools[0] == "list_files" and tools[-1] == "run_tests" and "edit_file" in tools
        assert session.task.startswith("In ") and session.summary.startswith("Done: ")
        assert all(result and len(result) <= 800 for _, _, result in session.steps)


def test_the_text_that_is_read_is_of_the_file_that_is_named() -> None:
    library = Path(sysconfig.get_paths()["stdlib"])
    session = coding_sessions()[0]
    _, arguments, result = next(step for step in session.steps if step[0] == "read_file")
    assert result in (library / arguments["path"]).read_text(encoding="utf-8")


def test_tasks_and_passages_are_different_and_always_the_same() -> None:
    assert len(set(code_tasks())) == 240 and code_tasks() == code_tasks()
    assert len(set(library_passages())) == len(library_passages())
