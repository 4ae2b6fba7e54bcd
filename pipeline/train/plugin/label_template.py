"""A plugin of ms-swift: Qwen3's template whose answer ends with the label, so that its loss is the label's alone.

Under template qwen3 the two tokens that end every answer count as much as the label: the token accuracy then has a
floor of 2/3, and a small base spends its steps on them.  The decision reads one token and never the end.  This file
has a folder of its own because ms-swift puts a plugin's folder first on the import path.
"""

from __future__ import annotations

NAME = "qwen3_label"


def register() -> None:
    from swift.template import register_template
    from swift.template.templates.qwen import Qwen3MixedTemplateMeta

    register_template(Qwen3MixedTemplateMeta(NAME, is_thinking=True, suffix=[]))


if __name__.startswith("_swift_external_"):  # the name under which ms-swift imports it
    register()
