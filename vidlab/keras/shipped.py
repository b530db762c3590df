"""Models of this package whose weights it ships, trained longer than a chapter can."""

from vidlab import weights
from vidlab.backbones import FRAME_AUTOENCODER, LATENT_FLOW, LATENT_GAN
from vidlab.keras.models.autoencoding import FrameAutoencoder
from vidlab.keras.models.generative_adversarial import LatentGenerator
from vidlab.keras.models.latent_generators import LatentFlow, TwoStage
from vidlab.latents import load_codes


def load_frame_autoencoder() -> FrameAutoencoder:
    """The frame autoencoder of the simple world (easy, one shape, 32 x 32).

    Its card is ``vidlab/data/frame_autoencoder.md``; ``vidlab.latents.load_codes()`` gives clips
    under it.
    """
    model = FrameAutoencoder()
    weights.load(model, FRAME_AUTOENCODER)
    return model


def load_latent_flow() -> TwoStage:
    """A generator of clips of the simple world: a flow of clip codes, and the painter above.

    ``generate(load_latent_flow(), labels)`` gives a clip for each action, 0 to 7. Its card is
    ``vidlab/data/latent_flow.md``.
    """
    model = LatentFlow(8)
    weights.load(model, LATENT_FLOW)
    return TwoStage(load_frame_autoencoder(), model, load_codes())


def load_latent_gan() -> TwoStage:
    """A generator of clips of the simple world: a GAN of clip codes, and the painter above.

    ``generate(load_latent_gan(), labels)`` gives a clip for each action, 0 to 7. Its card is
    ``vidlab/data/latent_gan.md``.
    """
    codes = load_codes()
    model = LatentGenerator(8, codes.codes.shape[1])
    weights.load(model, LATENT_GAN)
    return TwoStage(load_frame_autoencoder(), model, codes)
