"""`report.html`: the evidence of a distillation run on one page that needs nothing else.

One file without scripts, fonts or pictures from elsewhere can be mailed, archived beside the student and
opened in ten years; a content security policy in its head forbids the browser to fetch anything.
"""

from stillhouse.distill.report.page import render, write_report

__all__ = ["render", "write_report"]
