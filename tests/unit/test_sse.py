"""The decoder of server-sent events."""

import json
import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.genai.providers.sse import MAX_EVENT_BYTES, EventTooLarge, ServerEvent, SSEDecoder


def decode(*pieces: bytes) -> list[ServerEvent]:
    decoder = SSEDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.flush()


def data_of(*pieces: bytes) -> list[str]:
    return [event.data for event in decode(*pieces)]


def test_events_are_told_apart_by_a_blank_line():
    assert data_of(b"data: one\n\ndata: two\n\n") == ["one", "two"]


def test_space_after_the_colon_is_optional_and_only_one_is_dropped():
    assert data_of(b"data:one\n\ndata:  two\n\n") == ["one", " two"]


def test_comments_are_dropped():
    assert data_of(b": OPENROUTER PROCESSING\n\ndata: one\n\n:\n\n: ping\ndata: two\n\n") == ["one", "two"]


def test_lines_of_data_are_joined_by_newlines():
    assert data_of(b"data: one\ndata: two\ndata\n\n") == ["one\ntwo\n"]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_any_newline_ends_a_line(newline: bytes):
    assert data_of(b"data: one\n\ndata: two\ndata: 2\n\n".replace(b"\n", newline)) == ["one", "two\n2"]


def test_newlines_may_be_mixed():
    assert data_of(b"data: one\r\n\ndata: two\n\r\ndata: three\r\n\r\n") == ["one", "two", "three"]


def test_split_between_cr_and_lf_makes_no_blank_line():
    assert data_of(b"data: one\r", b"\ndata: two\r", b"\n\r", b"\n") == ["one\ntwo"]


def test_event_is_complete_at_a_cr_before_its_lf_comes():
    decoder = SSEDecoder()
    assert decoder.feed(b"data: one\r\n\r") == [ServerEvent("", "one")]
    assert decoder.feed(b"\n") == []


def test_event_names_are_kept_and_other_fields_dropped():
    assert decode(b"event: message_stop\nid: 7\nretry: 10\ndata: {}\n\n") == [ServerEvent("message_stop", "{}")]


def test_event_without_data_is_dropped():
    assert decode(b"event: ping\n\ndata: one\n\n") == [ServerEvent("", "one")]


def test_byte_order_mark_is_dropped_at_the_start_only():
    assert data_of(b"\xef\xbb", b"\xbfdata: one\n\n", b"\xef\xbb\xbfdata: two\n\n") == ["one"]


def test_last_event_without_blank_line_still_counts():
    assert data_of(b"data: one\n\ndata: [DONE]") == ["one", "[DONE]"]
    assert data_of(b"data: one\n\ndata: [DONE]\n") == ["one", "[DONE]"]


def test_character_split_between_pieces_is_whole():
    euro = "data: 3 €\n\n".encode()
    assert [data_of(euro[:at], euro[at:]) for at in range(len(euro))] == [["3 €"]] * len(euro)


def test_invalid_utf8_is_replaced():
    assert data_of(b"data: a\xffb\n\n") == ["a\ufffdb"]


def test_unicode_line_separators_end_no_line():
    assert data_of("data: a\u2028b\x85c\x0bd\n\n".encode()) == ["a\u2028b\x85c\x0bd"]


def test_endless_event_is_refused():
    decoder = SSEDecoder()
    with pytest.raises(EventTooLarge):
        for _ in range(MAX_EVENT_BYTES // 65536 + 1):
            decoder.feed(b"x" * 65536)


LINES = st.sampled_from([
    b"data: one", b"data:two", b"data:", b"data", b"data: \xe2\x82\xac", b"data: \xff", b": comment", b"event: ping",
    b"event:", b"id: 1", b"nonsense", b"\xef\xbb\xbfdata: bom", b"", b"",
])  # fmt: skip
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"])), max_size=20).map(
    lambda lines: b"".join(line + newline for line, newline in lines)
)


@given(st.one_of(STREAMS, st.binary(max_size=60)), st.lists(st.integers(0, 200)))
@example(b"data: a\r\n\r\ndata: b\r\n\r\n", list(range(30)))
def test_any_cut_of_the_bytes_gives_the_same_events(stream: bytes, cuts: list[int]):
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    assert decode(*pieces) == decode(stream)
    assert decode(*(bytes([byte]) for byte in stream)) == decode(stream)


@given(st.lists(st.text().filter(lambda text: not {"\r", "\n"} & set(text))), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_was_sent_is_what_is_read(texts: list[str], newline: str):
    stream = "".join(f"data: {json.dumps(text)}{newline}{newline}" for text in texts).encode()
    assert [json.loads(data) for data in data_of(stream)] == texts


def test_thousands_of_events_in_one_piece_take_no_quadratic_time():
    stream = b'data: {"choices": [{"delta": {"content": "word"}}]}\n\n' * 20_000
    began = time.perf_counter()
    assert len(SSEDecoder().feed(stream)) == 20_000
    assert time.perf_counter() - began < 2


def test_one_long_event_in_tiny_pieces_takes_no_quadratic_time():
    decoder, began = SSEDecoder(), time.perf_counter()
    for _ in range(300_000):
        decoder.feed(b"data: x\n")
    assert len(decoder.feed(b"\n")[0].data) == 600_000 - 1
    assert time.perf_counter() - began < 5
