"""Model lifecycle in one worker: opens the first model, follows its source, shadow, canary and rollbacks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.decision import BundleRefused
from serving.model.canary import Canary
from serving.model.live_model import LiveModel
from serving.model.prepared_model import PreparedModel, prepare_model
from serving.model.registry import open_registry
from serving.model.reloader import Reloader
from serving.model.rollback_notice import RollbackBoard, RollbackNotice
from serving.model.shadow import Shadow
from serving.model.sources import BundleCandidate, FolderSource, ModelSource, RegistrySource
from serving.model.uri import parse_model_uri

logger = logging.getLogger("thinkgate.following")

_SCHEME = "models:/"


@dataclass(frozen=True, slots=True)
class ModelLocations:
    """Where models are.

    Parameters
    ----------
    registry
        Address of the MLflow registry; None where every model is a folder.
    cache
        Folder of the versions that were fetched.
    arms
        New prices for a bundle's arms.
    seconds
        Between two looks at a source; 0 for never.
    insecure_registry
        Plain http to a registry on another machine is allowed.
    allow_same
        Accept two arms that would send the same.
    """

    registry: str | None
    cache: Path
    arms: Path | None
    seconds: float
    insecure_registry: bool = False
    allow_same: bool = False

    def source(self, address: str) -> ModelSource:
        """Give the source behind `models:/...` or a folder.

        Raises
        ------
        BadModelUri
            The address, or the registry's, can't be read.
        """
        if not address.startswith(_SCHEME):
            return FolderSource(Path(address))
        registry = open_registry(self.registry or "", insecure=self.insecure_registry)
        return RegistrySource(registry, parse_model_uri(address), self.cache)

    def prove(self, folder: Path) -> PreparedModel:
        """Open a bundle's folder: parse, audit, construct, prove, and price its arms."""
        return prepare_model(folder, self.arms, self.allow_same)


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """The model that a start begins with.

    Parameters
    ----------
    identity
        As its source names it; empty in a cold start.
    source
        Where newer ones come from; None in a cold start.
    """

    ground: PreparedModel
    identity: str = ""
    source: ModelSource | None = None


def open_model(places: ModelLocations, address: str | Path | None) -> OpenedModel:
    """Open the first model.

    Parameters
    ----------
    address
        `models:/...` or a folder; None for a cold start.

    Raises
    ------
    ThinkgateError
        It can't be had, or may not be served, and neither can what was served last.
    """
    if address is None:
        return OpenedModel(prepare_model(None, places.arms, places.allow_same))
    return open_first(places.source(str(address)), places.prove)


def open_first(source: ModelSource, prove: Callable[[Path], PreparedModel]) -> OpenedModel:
    """Open what the source names; where that may not be served, what was served last.

    Raises
    ------
    ThinkgateError
        There is neither.
    """
    candidate = source.look("")
    if candidate is None:
        raise BundleRefused("the model's source names nothing: name a bundle")
    try:
        opened = OpenedModel(prove(candidate.folder), candidate.identity, source)
    except BundleRefused as error:
        last: BundleCandidate | None = source.last()
        if last is None or last.identity == candidate.identity:
            raise
        logger.error("%s is refused, %s, which was served last, is live: %s", candidate.identity, last.identity, error)
        return OpenedModel(prove(last.folder), last.identity, source)
    source.served(candidate)
    return opened


@dataclass(frozen=True, slots=True)
class SideModels:
    """The shadow and the canary, and where their bundles are; None where there is none."""

    shadow: Shadow | None = None
    address: str | None = None
    canary: Canary | None = None
    canary_address: str | None = None


def follow_sources(
    places: ModelLocations,
    opened: OpenedModel,
    live_model: LiveModel,
    rollback_board: RollbackBoard,
    side_models: SideModels,
) -> ModelLifecycle:
    """Follow the sources of the model and of the shadow from now on."""
    made = []
    if opened.source is not None and places.seconds:
        made.append(Reloader("model", opened.source, places.prove, live_model.renew, places.seconds, opened.identity))
    if side_models.shadow is not None and side_models.address is not None:
        seconds = places.seconds or 10.0
        shadowing = Reloader(
            "shadow", places.source(side_models.address), places.prove, side_models.shadow.take, seconds
        )
        shadowing.look()  # a shadow that can't be had is reported, and stops no start
        if places.seconds:
            made.append(shadowing)
    if side_models.canary is not None and side_models.canary_address is not None:
        source = places.source(side_models.canary_address)
        trying = Reloader("canary", source, places.prove, side_models.canary.take, places.seconds or 10.0)
        trying.look()
        if places.seconds:
            made.append(trying)
    return ModelLifecycle(live_model, rollback_board, tuple(made), side_models.shadow, side_models.canary)


class ModelLifecycle:
    """Everything in one worker that may change what is live; belongs to the event loop's thread.

    Parameters
    ----------
    live_model
        Holds what is live.
    rollback_board
        What an admin told any of the workers.
    reloaders
        Started here.
    shadow
        Closed here.
    canary
        Told of a new policy here.
    """

    def __init__(
        self,
        live_model: LiveModel,
        rollback_board: RollbackBoard,
        reloaders: tuple[Reloader, ...] = (),
        shadow: Shadow | None = None,
        canary: Canary | None = None,
    ) -> None:
        self.live_model, self.reloaders, self.shadow, self.canary = live_model, reloaders, shadow, canary
        self._rollback_board = rollback_board
        self._read = rollback_board.read().number
        for reloader in reloaders:
            reloader.start()

    def look(self) -> None:
        """Look at the policy's file and at the rollback board; never raises for what it finds."""
        self.live_model.refresh_policy()
        if self.canary is not None:
            self.canary.look()
        notice = self._rollback_board.read()
        if notice.number != self._read:
            self._read = notice.number
            self.live_model.apply_rollback(notice)

    def roll_back(self) -> RollbackNotice | None:
        """Go back to the model before, and tell the other workers; None where there is none."""
        left = self.live_model.slot.live.bundle_id
        live = self.live_model.roll_back()
        if live is None:
            return None
        notice = self._rollback_board.post(live.bundle_id, left)
        self._read = notice.number
        return notice

    def close(self) -> None:
        """End the threads; the journal must still be open."""
        for reloader in self.reloaders:
            reloader.close()
        if self.shadow is not None:
            self.shadow.close()
