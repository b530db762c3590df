"""Files to arrays and back: frames, sound and what is known about them.

Every failure is a VideoError that names the file, what is wrong and what to do. A clip is
uint8 (T, H, W, 3) RGB, sound is float32 (S,) mono in [-1, 1]; times are seconds from the first
frame of the video.
"""

from vidlab.video.errors import VideoError, VideoWarning
from vidlab.video.probing import VideoInfo, probe
from vidlab.video.reading import frame_times, iter_frames, read_frames
from vidlab.video.sound import read_audio
from vidlab.video.writing import encode_mp4, write_video

__all__ = [
    "VideoError",
    "VideoInfo",
    "VideoWarning",
    "encode_mp4",
    "frame_times",
    "iter_frames",
    "probe",
    "read_audio",
    "read_frames",
    "write_video",
]
