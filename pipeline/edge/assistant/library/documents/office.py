"""What PPTX and DOCX have in common: XML in a zip, from a stranger."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from pipeline.errors import EdgeError

UNPACKED, PARTS = 64 << 20, 20_000  # bytes of XML and number of parts that a course file has at most
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def text_parts(path: Path) -> io.BytesIO:
    """The package with its XML only: pictures and films become empty, so that none is ever unpacked.

    EdgeError where it is encrypted, unpacks to too much, or its XML defines entities.
    """
    with path.open("rb") as file:
        if file.read(8) == _OLE:
            raise EdgeError(f"{path}: expected a {path.suffix} file that opens without a password, found an encrypted or an old one; "
                            "save it again without a password")
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w") as target:
        parts = source.infolist()
        size = sum(part.file_size for part in parts if _is_xml(part))
        if size > UNPACKED or len(parts) > PARTS:
            raise EdgeError(f"{path}: expected at most {UNPACKED >> 20} MB of text in {PARTS} parts, found {size >> 20} MB in "
                            f"{len(parts)}; it may be a zip bomb: do not open it")
        for part in parts:
            content = source.read(part) if _is_xml(part) else b""  # never more than the size that was summed
            if b"<!DOCTYPE" in content.replace(b"\0", b"").upper():  # in UTF-16 as well
                raise EdgeError(f"{path}: expected XML without a DOCTYPE, found one in {part.filename!r:.60}; it may be an entity bomb: "
                                "do not open it")
            target.writestr(part.filename, content)
    packed.seek(0)
    return packed


def _is_xml(part: zipfile.ZipInfo) -> bool:
    return part.filename.lower().endswith((".xml", ".rels"))
