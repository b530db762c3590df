"""An open video file: its packets, its frames in order with repaired times, and where it ends.

Times. A frame has a presentation time (``pts``) in the file. Here a frame's *time* is in seconds
from the first frame that can be decoded. Two repairs are made:

- AVI files hold no presentation times, only the order of the packets, so ``pts`` runs backwards
  where there are B-frames. There the time is that of the packet that completed the frame (``dts``),
  which runs forwards, since a decoder hands out frames in the order in which they are shown.
- A time that is missing, or not later than the one before it, becomes the one before it plus one
  frame period (1 / average frame rate).

Numbers called *stamp* are times as the file writes them, in ticks of ``time_base``.
"""

import os
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import av

from vidlab.video.errors import VideoError, existing_file
from vidlab.video.opening import open_container, read_packets, video_stream

# Containers whose index of key frames is complete once the end was visited.
INDEXED_FORMATS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi"}
MIN_JUMP_FRAMES = 8  # a jump that saves fewer decoded frames than this is not worth its cost
SKIP_MARGIN = 1.5  # frame periods before a wanted time in which every frame is decoded
MAX_INDEX_ENTRIES = 100_000  # counting the key frames of a longer index is not cheap
THREADS_FROM_PIXELS = 1280 * 720
MAX_THREADS = 8
FAR_AWAY = 2**62  # a stamp after the end of any file


class ShortcutError(Exception):
    """A jump or the skipping of packets cannot be relied on here; decode everything instead."""


class VideoSource:
    """One open file. ``frames()`` decodes on from where it stands.

    Two short cuts spare decoding: ``jump()`` goes to a later key frame, and after ``aim()``
    frames that neither are wanted nor help to decode others are skipped.

    ``threads``: decoding threads; None: as many as there are cores (at most 8) from 720p, else 1,
    because small pictures decode no faster with more. ``shortcuts``: whether they may be used.

    ``decoded`` counts the frames that came out of the decoder, ``bad_packets`` the packets that
    could not be read or decoded, or that the file itself marks as damaged.
    """

    def __init__(
        self, path: str | os.PathLike[str], threads: int | None = None, shortcuts: bool = True
    ) -> None:
        self.file = existing_file(path)
        self.path = os.fspath(path)
        self.decoded = 0
        self.bad_packets = 0
        self.num_packets: int | None = None  # of video; known from an index or after a full scan
        self.end: float | None = None  # stamp; set by survey()
        self.strict = False  # after a short cut: give up (ShortcutError) if anything is wrong
        self._threads = threads
        self.shortcuts = shortcuts
        self._keys: list[int] | None = None  # stamps of key packets, where there is no index
        self._index_shift = 0  # what a key frame's pts is later than its stamp in the index
        self._pending: list[Any] = []  # packets read ahead of the decoder
        self._origin: float | None = None  # stamp of the first frame
        self._last: float | None = None  # stamp of the last frame
        self._epoch = 0  # counts jumps: frames decoded before one are dropped after it
        self._landing: float | None = None  # stamp wanted, until the key frame before it came
        self._drop_until: float | None = None  # packets before this key packet are thrown away
        self._draining = False
        self._aims: list[float] = []  # stamps wanted, rising; empty: all frames are
        self._skippable: list[float] = []  # stamps of packets that may have been skipped, rising
        self._open()

    def _open(self) -> None:
        self.container = open_container(self.file)
        try:
            self.stream = video_stream(self.container, self.path)
        except BaseException:
            self.container.close()
            raise
        codec = self.stream.codec_context
        threads = self._threads
        if threads is None:
            large = codec.width * codec.height >= THREADS_FROM_PIXELS
            threads = min(MAX_THREADS, os.cpu_count() or 1) if large else 1
        self.num_threads = threads
        codec.thread_count = threads
        codec.thread_type = "AUTO" if threads > 1 else "NONE"
        self.time_base: Fraction = self.stream.time_base or Fraction(1, 1000)
        rate = self.stream.average_rate or self.stream.guessed_rate or 0
        self.fps = float(rate if 0 < rate <= 1000 else 25)
        base = self.stream.base_rate  # the lowest rate of which all times are multiples
        self._constant_rate = bool(base and abs(float(base) / self.fps - 1) < 0.01)
        self._period = 1 / (self.fps * float(self.time_base))  # in ticks
        self._packet_times = self.container.format.name == "avi"
        self.indexed = self.container.format.name in INDEXED_FORMATS

    def close(self) -> None:
        self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- decoding ---------------------------------------------------------------------------

    def frames(self) -> Iterator[tuple[float, av.VideoFrame]]:
        """Decode on, skipping what is damaged: (seconds, frame), the times strictly rising.

        VideoError if no frame at all can be decoded.
        """
        for packet in self._wanted_packets():
            try:
                frames = packet.decode()
            except EOFError:
                break
            except av.FFmpegError as error:
                self._count_bad(error)
                continue
            if packet.is_corrupt:  # cut off, say; the decoder made what it could of it
                self._count_bad(None)
            epoch = self._epoch
            for frame in frames:
                self.decoded += 1
                time = self._time(frame)
                if time is not None:
                    yield time, frame
                    if self._epoch != epoch:
                        break
        if self._landing is not None:
            raise ShortcutError
        if self._origin is None:
            raise VideoError(
                self.path,
                f"no frame in it can be decoded ({self.bad_packets} damaged packets)",
                "Check that it plays in a video player; copy or download it again.",
            )

    def _wanted_packets(self) -> Iterator[Any]:
        """Packets for the decoder; the last one, empty, makes it hand out what it holds back."""
        for packet in self._packets():
            self._draining = packet.size == 0 and packet.pts is None and packet.dts is None
            if packet.size == 0 and not self._draining:
                continue  # an empty packet within the file would end the decoding
            if self._drop_until is not None and not self._draining:
                if not packet.is_keyframe or self._stamp(packet) != self._drop_until:
                    continue
                self._drop_until = None
            if self._aims:
                self._skip_if_unwanted(packet)
            yield packet

    def _packets(self) -> Iterator[Any]:
        """All packets of the video from here on; goes on after those that cannot be read."""
        while self._pending:
            yield self._pending.pop(0)
        yield from read_packets(self.container, self.stream, self._count_bad)

    def _count_bad(self, error: av.FFmpegError | None) -> None:
        if isinstance(error, MemoryError):
            raise error
        self.bad_packets += 1
        if self.strict:
            raise ShortcutError from error

    def _stamp(self, packet_or_frame: Any) -> float | None:
        stamp: int | None = packet_or_frame.dts if self._packet_times else packet_or_frame.pts
        return stamp

    def _time(self, frame: av.VideoFrame) -> float | None:
        """Seconds from the first frame; None for what comes after a jump before its key frame."""
        stamp = self._stamp(frame)
        if self._landing is not None:
            if not frame.key_frame:
                return None
            if stamp is None or stamp > self._landing or stamp < (self._last or 0):
                raise ShortcutError  # beyond the frame wanted, or back behind what was decoded
            self._landing = None
        elif stamp is None or (self._last is not None and stamp <= self._last):
            if self.strict and not (self._packet_times and self._draining):
                raise ShortcutError  # a repaired time depends on all the frames before it
            stamp = 0 if self._last is None else self._last + self._period
        self._last = stamp
        if self._origin is None:
            self._origin = stamp
        return self.seconds(stamp)

    @property
    def zero(self) -> float:
        """Seconds of the first frame on the file's own clock, which its sound shares."""
        return float((self._origin or 0) * self.time_base)

    @property
    def last_time(self) -> float:
        """Seconds of the last frame that was decoded."""
        return self.seconds(self._last or 0)

    def seconds(self, stamp: float) -> float:
        """A stamp as seconds from the first frame."""
        ticks = stamp - (self._origin or 0)
        return ticks * self.time_base.numerator / self.time_base.denominator

    def _ticks(self, time: float) -> float:
        """Seconds from the first frame as a stamp."""
        return (self._origin or 0) + time / float(self.time_base)

    # --- short cuts ----------------------------------------------------------------------------

    def jump(self, time: float) -> None:
        """Skip to the last key frame at or before ``time`` if that saves enough decoding.

        A file with an index is repositioned; in others the packets between are read and thrown
        away undecoded. The iterator that ``frames()`` gave goes on from there. Needs ``survey``.
        """
        if not self.shortcuts or self._draining or self._origin is None or self._last is None:
            return
        target = self._ticks(time)
        least = self._last + MIN_JUMP_FRAMES * self._period
        if target < least:
            return
        key = self._key_before(target)
        if key is None or key < least:
            return
        if self._keys is not None:
            self.stream.codec_context.flush_buffers()
            self._drop_until = key
        else:
            # An AVI frame is completed some packets after its own (see above): seek earlier.
            delay = self.stream.codec_context.reorder_depth if self._packet_times else 0
            try:
                self.container.seek(int(target) - delay, stream=self.stream)
            except av.FFmpegError as error:
                raise ShortcutError from error
        self.strict = True
        self._epoch += 1
        self._landing = target

    def aim(self, times: Sequence[float]) -> None:
        """Want only the frames shown at ``times`` (rising seconds). Needs a decoded frame.

        Of the other frames, those on which no frame depends are then skipped undecoded, where
        frame rate and codec allow it. ``check_aim`` must confirm every frame.
        """
        codec = self.stream.codec_context.codec.canonical_name
        known = codec == "mpeg4" or (codec == "h264" and not self._packet_times)
        if self.shortcuts and known and self._constant_rate:
            self._aims = [self._ticks(time) for time in times]

    def _skip_if_unwanted(self, packet: Any) -> None:
        """Tell the decoder whether it may skip this packet: not just before a wanted time."""
        stamp = self._stamp(packet)
        skip = False
        if stamp is not None and not self._draining:
            place = bisect_left(self._aims, stamp)
            near = SKIP_MARGIN * self._period
            skip = place == len(self._aims) or self._aims[place] - stamp > near
            if skip:
                self.strict = True
                insort(self._skippable, stamp)
        self.stream.codec_context.skip_frame = "NONREF" if skip else "DEFAULT"

    def check_aim(self, time: float, wanted: float) -> None:
        """Raise ShortcutError if a skipped frame may have been shown later than ``time``.

        ``time``: of the frame that seems to be shown at ``wanted`` (both in seconds). This happens
        only where frames are further apart than the frame rate promises.
        """
        low, high = self._ticks(time) + 0.5, self._ticks(wanted)
        place = bisect_left(self._skippable, low)
        if place < len(self._skippable) and self._skippable[place] <= high:
            raise ShortcutError

    def _key_before(self, stamp: float) -> float | None:
        """The stamp of the last key frame at or before ``stamp``, known without decoding."""
        if self._keys is not None:
            place = bisect_right(self._keys, stamp)
            return self._keys[place - 1] if place else None
        entries = self.stream.index_entries
        place = entries.search_timestamp(int(stamp) - self._index_shift)
        return entries[place].timestamp + self._index_shift if place >= 0 else None

    # --- the end ----------------------------------------------------------------------------

    def survey(self) -> None:
        """Find where the video ends and its key frames by reading packets, without decoding.

        With an index, only the packets from the last key frame on are read; without one, all.
        Must come before the first call of ``frames``.
        """
        first = next((p for p in self._packets() if p.size), None)
        if first is None:
            self.end = 0.0
            return
        if self._read_tail(first):
            if self.container.format.name != "matroska,webm":  # whose index has key frames alone
                self.num_packets = len(self.stream.index_entries)
            self._index_shift = (first.pts or 0) - (first.dts or 0) if first.dts else 0
            self._rewind(first)
        else:
            self._reopen()
            self._keys = []
            self.num_packets = self._find_end(self._keys)
            self._reopen()
        self.bad_packets = 0  # they are counted when they are decoded

    def _read_tail(self, first: Any) -> bool:
        """Read from the last key frame on and set ``end``; False where that cannot be trusted."""
        if not self.indexed or not len(self.stream.index_entries):
            return False
        try:
            self.container.seek(FAR_AWAY, stream=self.stream)
        except av.FFmpegError:
            return False
        self._pending = [p for p in [next(self._packets())] if p.size]
        if not self._pending or not self._pending[0].is_keyframe:
            return False
        self._find_end([])
        return True

    def _find_end(self, keys: list[int]) -> int:
        """Read all packets from here on: set ``end``, add key frames' stamps, count packets."""
        count, end = 0, None
        for packet in self._packets():
            if not packet.size:
                continue
            count += 1
            stamp = self._stamp(packet)
            if stamp is None:
                continue
            if packet.is_keyframe:
                keys.append(int(stamp))
            end = max(stamp + (packet.duration or self._period), end or 0)
        if end is None:  # no times in the file at all: frames are one period apart, from 0
            end = count * self._period
        elif self._packet_times:  # as for frames, which are completed this many packets later
            end += self.stream.codec_context.reorder_depth
        keys.sort()
        self.end = end
        return count

    def _rewind(self, first: Any) -> None:
        """Back to the first packet; the file is opened anew if a seek does not lead there."""
        try:
            self.container.seek(min(first.pts or 0, first.dts or 0, 0), stream=self.stream)
            again = next(self._packets())
        except av.FFmpegError:
            self._reopen()
            return
        if (again.pos, again.pts, again.dts, again.size) == (
            first.pos,
            first.pts,
            first.dts,
            first.size,
        ):
            self._pending = [again]
        else:
            self._reopen()

    def _reopen(self) -> None:
        self._pending = []
        self.container.close()
        self._open()

    def num_key_frames(self) -> int | None:
        """How many key frames there are, if that can be said cheaply. Needs ``survey``."""
        if self._keys is not None:
            return len(self._keys) or None  # none is known where packets have no times
        entries = self.stream.index_entries
        if len(entries) > MAX_INDEX_ENTRIES:
            return None
        return sum(entry.is_keyframe for entry in entries)

    def duration(self) -> float:
        """Seconds from the first frame to the end of the last one.

        Comes from packets, not from headers. Needs ``survey`` and a decoded frame, which is time 0.
        """
        if self.end is None or self._origin is None:
            raise RuntimeError("duration() needs survey() and a decoded frame first")
        return max(self.seconds(self.end), 1 / self.fps)
