"""Ways to run the networks, behind one interface a stage: :class:`StageARuntime` and :class:`StageBRuntime`."""

from maxsight_core.engine.runtimes.base import RuntimeUnavailableError, StageARuntime
from maxsight_core.engine.runtimes.load import LoadedStageA, LoadedStageB, load_stage_a, load_stage_b
from maxsight_core.engine.runtimes.stage_b_base import StageBRuntime

__all__ = ["LoadedStageA", "LoadedStageB", "RuntimeUnavailableError", "StageARuntime", "StageBRuntime", "load_stage_a",
           "load_stage_b"]
