import io
import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from cortex_runtime import frames
from cortex_runtime.frames import Frame, FrameBuffer, Kind

FRAMES = st.lists(
    st.builds(
        Frame,
        kind=st.sampled_from(list(Kind)),
        id=st.integers(0, 2**32 - 1),
        meta=st.binary(max_size=40),
        body=st.binary(max_size=300),
    ),
    max_size=6,
)


def encoded(sent: list[Frame]) -> bytes:
    return b"".join(frames.head(Kind(f.kind), f.id, f.meta, len(f.body)) + f.body for f in sent)


@given(FRAMES, st.lists(st.integers(0, 2500)))
@example([Frame(Kind.ANSWER, 1, b"", b""), Frame(Kind.READY, 0, b"m", b"b")], [1, 16, 17, 18])
def test_frames_are_found_however_the_stream_was_split(sent, cuts):
    stream = encoded(sent)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    buffer, received = FrameBuffer(), []
    for begin, end in itertools.pairwise(edges):
        received += buffer.feed(stream[begin:end])
    assert received == sent


@given(FRAMES)
def test_frames_arrive_byte_by_byte_as_soon_as_they_are_complete(sent):
    buffer = FrameBuffer()
    for frame in sent:
        *first, last = encoded([frame])
        for byte in first:
            assert not list(buffer.feed(bytes([byte])))
        assert list(buffer.feed(bytes([last]))) == [frame]


@given(FRAMES)
def test_a_blocking_reader_finds_the_same_frames(sent):
    stream = io.BufferedReader(io.BytesIO(encoded(sent)))
    assert [frames.read(stream) for _ in sent] == sent
    assert frames.read(stream) is None


@given(FRAMES.filter(bool), st.data())
def test_a_stream_that_ends_within_a_frame_has_ended(sent, data):
    whole = encoded(sent)
    last = len(encoded(sent[-1:]))
    cut = data.draw(st.integers(1, last))
    stream = io.BufferedReader(io.BytesIO(whole[:-cut]))
    assert [frames.read(stream) for _ in sent] == [*sent[:-1], None]
