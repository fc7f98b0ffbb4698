"""What every kind of sending in one worker process works with."""

from dataclasses import dataclass

from clarion.features.deliveries.dispatch import DispatchStore
from clarion.foundation.clock import Clock
from clarion.foundation.ids import MessageIds
from clarion.worker.lanes import Lanes
from clarion.worker.plans import Plans
from clarion.worker.recorder import Recorder
from clarion.worker.window import Window


@dataclass(frozen=True, slots=True)
class Kit:
    """Shared by slices and retries, so that one window bounds both and one lane serves both."""

    store: DispatchStore
    lanes: Lanes
    plans: Plans
    recorder: Recorder
    window: Window
    ids: MessageIds
    clock: Clock
