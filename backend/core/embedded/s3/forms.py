"""Reading multipart/form-data as it arrives: the fields, then the file piece by piece, never whole in memory."""

from collections.abc import AsyncIterator, Mapping

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MAX_BOUNDARY_LENGTH, MultipartParser, parse_options_header

from backend.core.embedded.s3.errors import invalid

_MOST_FIELDS = 20 * 1024
"""Bytes that the fields may have together, headers included: S3's limit."""


class Form:
    """An upload form: its `fields`, and then its file."""

    def __init__(self, body: AsyncIterator[bytes], state: "_State") -> None:
        self._body = body
        self._state = state

    @property
    def fields(self) -> Mapping[str, str]:
        """What stood before the file, by lower-case name."""
        return self._state.fields

    @classmethod
    async def read(cls, body: AsyncIterator[bytes], content_type: str) -> "Form":
        """Read up to the start of the file."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary or len(boundary) > MAX_BOUNDARY_LENGTH:
            raise invalid("An upload form is multipart/form-data.")
        state = _State(boundary)
        async for piece in body:
            state.feed(piece)
            if state.in_file:
                return cls(body, state)
        raise invalid("The form has no file.")

    async def file(self) -> AsyncIterator[bytes]:
        """The file's bytes. Raises S3's 400 when the form ends before the file does."""
        for piece in self._state.taken():
            yield piece
        async for more in self._body:
            self._state.feed(more)
            for piece in self._state.taken():
                yield piece
        if not self._state.complete:
            raise invalid("The form ends before its file.")


class _State:
    """Where the parser is."""

    def __init__(self, boundary: bytes) -> None:
        self.in_file = self.complete = False
        self.fields: dict[str, str] = {}
        self._pieces: list[bytes] = []
        self._header = [b"", b""]
        self._name: str | None = None
        self._value = b""
        self._size = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._add_header(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._add_header(1, data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": lambda data, start, end: self._add(data[start:end]),
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def feed(self, piece: bytes) -> None:
        """Parse another piece of the body."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise invalid("The form can't be read.") from None

    def taken(self) -> list[bytes]:
        """The file's bytes that came since the last call."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def _begin(self) -> None:
        if self.in_file:
            raise invalid("The file must be the form's last field.")
        self._name, self._value = None, b""
        self._header = [b"", b""]

    def _add_header(self, place: int, data: bytes) -> None:
        self._header[place] += data
        self._count(len(data))

    def _end_header(self) -> None:
        name, value = self._header
        self._header = [b"", b""]
        if name.lower() != b"content-disposition":
            return
        _, options = parse_options_header(value)
        if self._name is not None or b"name" not in options:
            raise invalid("A form field needs one name.")
        self._name = _text(options[b"name"]).lower()

    def _end_headers(self) -> None:
        if self._name is None or self._name in self.fields:
            raise invalid("A form field has no name, or the name of another.")
        self.in_file = self._name == "file"

    def _add(self, data: bytes) -> None:
        if self.in_file:
            self._pieces.append(bytes(data))
        else:
            self._value += data
            self._count(len(data))

    def _end_part(self) -> None:
        if not self.in_file and self._name is not None:
            self.fields[self._name] = _text(self._value)

    def _end(self) -> None:
        self.complete = self.in_file

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > _MOST_FIELDS:
            raise invalid("The form's fields are too long.")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise invalid("The form's fields must be UTF-8.") from None
