"""Pretrained weights from Hugging Face: fetched once, kept in its cache, never a pickled file."""

from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ANSWER_WITHIN = 5.0  # seconds that a host has to answer at all


class PretrainedError(RuntimeError):
    """A pretrained model cannot be had; the message says why and what to do."""


def fetch(name: str, repository: str, revision: str | None, otherwise: str) -> Path:
    """The folder of a model in the cache, downloaded with a bar if need be.

    Args:
        name: what the learner called the model.
        repository, revision: where it is.
        otherwise: what to take instead, for the message where a download fails.

    Raises:
        PretrainedError: it is not in the cache and cannot be downloaded.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    def get(file: str, **options: Any) -> Path:
        return Path(hf_hub_download(repository, file, revision=revision, **options))

    try:
        get("config.json", local_files_only=True)
        return get("model.safetensors", local_files_only=True).parent
    except LocalEntryNotFoundError:
        pass
    host = constants.ENDPOINT
    if constants.HF_HUB_OFFLINE:
        raise PretrainedError(offline_message(name, host, "HF_HUB_OFFLINE is set", otherwise))
    # Asked first, since the downloader tries again and again for minutes.
    if problem := no_answer(host):
        raise PretrainedError(offline_message(name, host, problem, otherwise))
    try:
        try:
            get("preprocessor_config.json")
        except LocalEntryNotFoundError:
            raise
        except EntryNotFoundError:
            pass  # then the values of ImageNet hold
        get("config.json")
        return get("model.safetensors").parent
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise PretrainedError(offline_message(name, host, reason, otherwise)) from error


def no_answer(url: str) -> str:
    """Why a host does not answer at all; empty where it does, even with an error of its own."""
    try:
        with urlopen(Request(url, method="HEAD"), timeout=ANSWER_WITHIN):
            return ""
    except HTTPError:
        return ""
    except OSError as error:
        return str(getattr(error, "reason", error)) or type(error).__name__


def offline_message(name: str, host: str, reason: object, otherwise: str) -> str:
    """What to say where a download fails."""
    return (
        f"{name!r} is not on this machine yet and cannot be downloaded from {host} ({reason}). "
        f"Connect to the network and call again; or {otherwise}"
    )
