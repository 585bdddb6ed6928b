"""Ways to run Stage A's network, behind one interface: :class:`StageARuntime`."""

from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime
from maxsight_core.engine.runtimes.load import LoadedStageA, load_stage_a

__all__ = ["LoadedStageA", "RuntimeUnavailableError", "StageARuntime", "load_stage_a"]
