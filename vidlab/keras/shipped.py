"""Models of this package whose weights it ships, trained longer than a chapter can."""

from vidlab import weights
from vidlab.backbones import FRAME_AUTOENCODER
from vidlab.keras.models.autoencoding import FrameAutoencoder


def load_frame_autoencoder() -> FrameAutoencoder:
    """The frame autoencoder of the simple world (easy, one shape, 32 x 32).

    Its card is ``vidlab/data/frame_autoencoder.md``; ``vidlab.latents.load_codes()`` gives clips
    under it.
    """
    model = FrameAutoencoder()
    weights.load(model, FRAME_AUTOENCODER)
    return model
