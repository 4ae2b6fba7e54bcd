"""Thrift's compact protocol, as much of it as Parquet's footers and page headers use.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.  A struct is {field: (type, value)}; a list is
(type of its elements, elements).
"""

from __future__ import annotations

from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
DEPTH = 32
Struct = dict[int, tuple[int, Any]]


def decode(data: bytes | memoryview, at: int = 0) -> tuple[Struct, int]:
    """The struct that begins at ``at``, and where it ends; ValueError where there is none."""
    reader = _Reader(data, at)
    try:
        return reader.struct(DEPTH), reader.at
    except (IndexError, RecursionError):
        raise ValueError("a struct of Thrift that ends early or is too deep") from None


def encode(struct: Struct) -> bytes:
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes | memoryview, at: int) -> None:
        self.data, self.at = data, at

    def struct(self, depth: int) -> Struct:
        found: Struct = {}
        field = 0
        while head := self.byte():
            field = field + (head >> 4) if head >> 4 else self.zigzag()
            found[field] = (head & 15, self.value(head & 15, depth))
        return found

    def value(self, kind: int, depth: int) -> Any:
        if depth == 0:
            raise RecursionError
        if kind in (I16, I32, I64):
            return self.zigzag()
        if kind == BINARY:
            return self.take(self.varint())
        if kind == STRUCT:
            return self.struct(depth - 1)
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind in (LIST, SET):
            head = self.byte()
            count = self.varint() if head >> 4 == 15 else head >> 4
            return head & 15, [self.element(head & 15, depth - 1) for _ in range(count)]
        if kind == BYTE:
            return self.byte()
        if kind == DOUBLE:
            return self.take(8)
        raise ValueError(f"type {kind} of Thrift, which Parquet does not use")

    def element(self, kind: int, depth: int) -> Any:
        return self.byte() == TRUE if kind in (TRUE, FALSE) else self.value(kind, depth)

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def take(self, count: int) -> bytes:
        taken = bytes(self.data[self.at : self.at + count])
        if len(taken) != count:
            raise IndexError
        self.at += count
        return taken

    def varint(self) -> int:
        value = shift = 0
        while (byte := self.byte()) & 0x80:
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if shift > 63:
                raise ValueError("a number of Thrift of more than 64 bits")
        return value | byte << shift

    def zigzag(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)


def _put_struct(out: bytearray, struct: Struct) -> None:
    last = 0
    for field, (kind, value) in sorted(struct.items()):
        kind = (TRUE if value else FALSE) if kind in (TRUE, FALSE) else kind
        if 0 < field - last < 16:
            out.append(field - last << 4 | kind)
        else:
            out.append(kind)
            _put_zigzag(out, field)
        last = field
        if kind not in (TRUE, FALSE):
            _put(out, kind, value)
    out.append(0)


def _put(out: bytearray, kind: int, value: Any) -> None:
    if kind in (TRUE, FALSE):  # of a list
        out.append(TRUE if value else FALSE)
    elif kind in (I16, I32, I64):
        _put_zigzag(out, value)
    elif kind == BYTE:
        out.append(value)
    elif kind == DOUBLE:
        out += value
    elif kind == BINARY:
        _put_varint(out, len(value))
        out += value
    elif kind in (LIST, SET):
        element, values = value
        out.append(min(len(values), 15) << 4 | element)
        if len(values) >= 15:
            _put_varint(out, len(values))
        for one in values:
            _put(out, element, one)
    else:
        _put_struct(out, value)


def _put_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _put_zigzag(out: bytearray, value: int) -> None:
    _put_varint(out, value << 1 ^ value >> 63)
