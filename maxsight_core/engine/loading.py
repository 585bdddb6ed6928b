"""Both networks as a configuration names them."""

from __future__ import annotations

from maxsight_core.engine import runtimes, weights
from maxsight_core.engine.beside import network_threads
from maxsight_core.engine.config import EngineConfig
from maxsight_core.engine.lanes import standing_back
from maxsight_core.engine.runtimes import LoadedStageA, LoadedStageB
from maxsight_core.engine.stage_b_network import StageBNetwork
from maxsight_core.models.tiers import TierSpec


def safety(config: EngineConfig) -> LoadedStageA:
    """Stage A, with the map that Stage B's temporal parts read where the tier has such."""
    grid = weights.find(config.checkpoint, config.grid).manifest.grid
    return runtimes.load_stage_a(
        checkpoint=config.checkpoint, grid=config.grid, runtime=config.runtime, precision=config.precision,
        threads=network_threads(config.threads, grid), cache_dir=config.cache_dir, tier=config.tier, with_map=None,
    )


def context(config: EngineConfig, tier: TierSpec, loaded: LoadedStageB | None = None) -> StageBNetwork | None:
    """Stage B's network of a tier; None in T0, and where an untrained one is not to be run.

    Its threads stand back behind Stage A's. ``loaded``: use this one.
    """
    if loaded is None and tier.trunk:
        loaded = standing_back(lambda: runtimes.load_stage_b(
            tier=tier.key, checkpoint=config.checkpoint, grid=config.grid, runtime=config.runtime,
            precision=config.precision, threads=config.threads, cache_dir=config.cache_dir,
        ))
    if loaded is None:
        return None
    network = StageBNetwork(loaded)
    if network.trained or config.run_untrained:
        return network
    loaded.runtime.close()
    return None
