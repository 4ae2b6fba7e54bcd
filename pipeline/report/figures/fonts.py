"""A font that really holds the Chinese characters of the captions, or none."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from matplotlib.font_manager import FontEntry, FontProperties, fontManager
from matplotlib.ft2font import FT2Font

# A data-only package with Google's Noto Sans SC (SIL Open Font License): the same figure on every machine.
PACKAGE, FILE = "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"
PREFERRED = (
    "Noto Sans SC", "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Microsoft YaHei", "SimHei", "Songti SC", "Arial Unicode MS",
)
SAMPLE = "延迟分布内存路由混淆矩阵损失曲线置信度校准验收目标总览词元准确率训练步未测量直方图"


@cache
def chinese_font() -> str | None:
    """The name matplotlib knows it by; None, with one warning, where no font on this machine has the characters."""
    for path in _candidates():
        if covers(path, SAMPLE):
            fontManager.addfont(path)
            return FontProperties(fname=path).get_name()
    warnings.warn("no font with Chinese characters found: figures are captioned in English; "
                  "pip install pylopdf-fonts-zh-cn", stacklevel=2)
    return None


def covers(path: str | Path, text: str) -> bool:
    """Whether the font file has a glyph for every character of the text."""
    try:
        present = FT2Font(str(path)).get_charmap()
    except (OSError, RuntimeError):
        return False
    return all(present.get(ord(letter), 0) for letter in text)


def packaged() -> Path | None:
    """The font file of the installed package, found without running its code."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    return next((Path(folder) / FILE for folder in folders or [] if (Path(folder) / FILE).is_file()), None)


def _candidates() -> Iterator[str]:
    if (own := packaged()) is not None:
        yield str(own)

    def rank(entry: FontEntry) -> tuple[int, bool, str]:
        place = PREFERRED.index(entry.name) if entry.name in PREFERRED else len(PREFERRED)
        return place, entry.style != "normal" or entry.weight not in (400, "normal", "regular"), entry.fname

    yield from (entry.fname for entry in sorted(fontManager.ttflist, key=rank))
