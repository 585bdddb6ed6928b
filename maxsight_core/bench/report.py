"""From measured parts to the JSON keys, the goals, and the table of docs/performance.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maxsight_core.marked import Marks

DOCS = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
MARKS = Marks("bench")
IN_USE = ("openvino_int8", "openvino_bf16", "openvino_f32", "torch_bf16", "torch_f32")
"""What ``auto`` takes, best first; an INT8 graph only when it was prepared and accepted (docs/weights.md)."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One row of the table: what is measured, the goal in words, and whether a figure reaches it."""

    key: str
    title: str
    goal: str
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    def verdict(self, figure: float | None) -> str:
        if figure is None:
            return "not measured"
        if self.at_most is None and self.at_least is None:
            return "reported"
        reached = (self.at_most is None or figure <= self.at_most) and (
            self.at_least is None or figure >= self.at_least)
        return "reached" if reached else "**missed**"


GOALS: tuple[Goal, ...] = (
    Goal("ratio.stage_a_vs_torch_eager", "Stage A (fused, 224) against torch eager", ">= 5x faster", "x", at_least=5),
    Goal("ratio.stage_a_vs_peak", "Stage A against the machine's INT8 peak", "within 3x, aim 2x", "x", at_most=3),
    Goal("served.fused_1x5.p95_ms", "Frame to result, 1 session, loopback, fused 224, p95", "<= 40 ms", "ms",
         at_most=40),
    Goal("served.pyramid_1x5.p95_ms", "Frame to result, 1 session, loopback, pyramid 320, p95", "<= 90 ms", "ms",
         at_most=90),
    Goal("served.fused_4x10.p95_ms", "Frame to alert, 4 sessions at 10 fps, p95", "<= 150 ms", "ms", at_most=150),
    Goal("served.fused_4x10.without_reply", "Frames without a terminal reply, 4 sessions at 10 fps", "0", "",
         at_most=0),
    Goal("ratio.stage_a_p95_with_b_vs_idle", "Frame to result p95 with Stage B (T0, measured) against idle", "<= 1.5x",
         "x", at_most=1.5),
    Goal("lanes.T2.ratio_p95", "The same with T2's network", "<= 1.5x", "x", at_most=1.5),
    Goal("stage_b.T1.p95_ms", "Stage B's network, T1, p95", "", "ms"),
    Goal("stage_b.T2.p95_ms", "Stage B's network, T2, p95", "<= 500 ms, aim 150 ms", "ms", at_most=500),
    Goal("stage_b.T3.p95_ms", "Stage B's network, T3, p95", "", "ms"),
    Goal("stage_b.T4.p95_ms", "Stage B's network, T4, p95", "", "ms"),
    Goal("stage_b.T5.p95_ms", "Stage B's network, T5, p95", "", "ms"),
    Goal("stage_b.T2.longest_slice_ms", "Longest slice of T2: the most a safety frame waits", "", "ms"),
    Goal("start_s", "Start to first result, warm cache", "<= 5 s", "s", at_most=5),
    Goal("rss_mb", "Memory, one engine, T0", "<= 900 MB", "MB", at_most=900),
    Goal("int8_file_mb", "INT8 file of Stage A", "< 50 MB", "MB", at_most=50),
    Goal("cpu_s_per_minute.stage_a_only", "Processor seconds a minute at 5 fps, Stage A only", "reported", "s"),
    Goal("cpu_s_per_minute.with_stage_b_every_10th", "The same with Stage B in every 10th frame", "reported", "s"),
    Goal("retrieval.p95_ms", "Retrieval, p95", "<= 20 ms at 1 M vectors", "ms", at_most=20),
)


def flat(figures: dict[str, Any]) -> dict[str, Any]:
    """The JSON of ``--json``: figures by the keys of docs/performance.md, and everything measured under ``details``."""
    networks, process = figures.get("networks", {}), figures.get("process", {})
    out: dict[str, Any] = {"machine": figures["machine"], "quick": figures["quick"], "ratio": {}}
    if "fused" in networks:
        out["stage_a"], out["ratio"] = _stage_a(networks)
    tiers = {key: found for key, found in figures.get("stage_b", {}).items() if isinstance(found, dict)}
    out["stage_b"] = {key: {name: found[name] for name in ("p50_ms", "p95_ms", "precision", "longest_slice",
                                                           "longest_slice_ms")} for key, found in tiers.items()}
    lanes = {key: found for key, found in figures.get("lanes", {}).items() if isinstance(found, dict)}
    out["lanes"] = lanes
    if "T0" in lanes:
        out["ratio"]["stage_a_p95_with_b_vs_idle"] = lanes["T0"]["ratio_p95"]
    out |= {key: process.get(key) for key in ("start_s", "rss_mb", "int8_file_mb", "cpu_s_per_minute")}
    out["parity"] = {name: found.get("openvino_f32") for name, found in figures.get("parity", {}).items()
                     if isinstance(found, dict)}
    out["served"] = {name: {"p50_ms": run["rtt_ms"].get("p50"), "p95_ms": run["rtt_ms"].get("p95"),
                            "without_reply": run["frames_without_reply"], "sent": run["frames_sent"],
                            "results": run["results"], "dropped": run["dropped"]}
                     for name, run in figures.get("served", {}).items() if isinstance(run, dict)}
    out["retrieval"] = {key: value for key, value in figures.get("retrieval", {}).items() if key != "took_s"}
    out["failed"] = {part: found["failed"] for part, found in figures.items()
                     if isinstance(found, dict) and "failed" in found}
    out["details"] = figures
    return out


def _stage_a(networks: dict[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
    variants = networks["fused"]["variants"]
    in_use = next(name for name in IN_USE if name in variants)
    ideal_ms = networks["macs"] / networks["peak_int8_macs_per_s"] * 1000.0
    stage_a = {**variants, "openvino": variants[in_use], "torch": variants["torch_f32"],
               "pyramid_320": networks.get("pyramid", {}).get("variants", {})}
    return stage_a, {
        "stage_a_vs_torch_eager": variants[in_use]["against_torch_eager"],
        "stage_a_vs_peak": round(variants[in_use]["p50_ms"] / ideal_ms, 2),
    }


def lookup(tree: dict[str, Any], key: str) -> float | None:
    """The number under a dotted key, or None."""
    found: Any = tree
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, (int, float)) else None


def table(figures: dict[str, Any]) -> str:
    """Goals with their figures, then the networks, the parts of a frame and the slices, as Markdown."""
    keys = flat(figures)
    lines = [_machine_line(figures), "", "| figure | goal | measured | |", "|---|---|---|---|"]
    for goal in GOALS:
        figure = lookup(keys, goal.key)
        shown = "-" if figure is None else f"{figure:g} {goal.unit}".strip()
        lines.append(f"| {goal.title} | {goal.goal or '-'} | {shown} | {goal.verdict(figure)} |")
    for section in (_networks, _frame_path, _stage_b, _parity):
        rows = section(figures)
        lines += ["", *rows] if rows else []
    lines += [f"\nNot measured: {part}: {reason}" for part, reason in keys["failed"].items()]
    return "\n".join(lines)


def _machine_line(figures: dict[str, Any]) -> str:
    machine = figures["machine"]
    cores = figures.get("networks", {}).get("threads", {}).get("cores", "?")
    return (f"{machine['processor']}, {cores} cores; Python {machine['python']}, OpenVINO {machine['openvino']}; "
            f"weights: {machine['weights']}; {figures['iterations']} iterations.")


def _networks(figures: dict[str, Any]) -> list[str]:
    found = figures.get("networks", {})
    if "fused" not in found:
        return []
    rows = ["| Stage A's network | p50 ms | p95 ms | against torch eager |", "|---|---|---|---|"]
    for grid in ("fused", "pyramid"):
        for name, ms in found[grid]["variants"].items():
            rows.append(f"| {grid} {found[grid]['input_size_px']}: {name} | {ms['p50_ms']} | {ms['p95_ms']} | "
                        f"{ms['against_torch_eager']}x |")
    rows += ["", f"One picture is {found['macs'] / 1e9:.2f} G multiply-adds; the machine's INT8 peak (large matrix "
                 f"product) is {found['peak_int8_macs_per_s'] / 1e9:.0f} G a second."]
    return rows


def _frame_path(figures: dict[str, Any]) -> list[str]:
    found = figures.get("frame_path", {})
    if "total_ms" not in found:
        return []
    rows = ["| JPEG to alert decision | p50 ms | p95 ms |", "|---|---|---|",
            f"| all | {found['total_ms']['p50']} | {found['total_ms']['p95']} |"]
    rows += [f"| {part} | {ms['p50']} | {ms['p95']} |" for part, ms in found["parts_ms"].items()]
    rows += [f"| Stage B, measured: {name} | {ms['p50']} | {ms['p95']} |"
             for name, ms in found["measured_stage_b_ms"].items()]
    return rows


def _stage_b(figures: dict[str, Any]) -> list[str]:
    found = {key: row for key, row in figures.get("stage_b", {}).items() if isinstance(row, dict)}
    if not found:
        return []
    rows = ["| Stage B's network | precision | p50 ms | p95 ms | longest slice |", "|---|---|---|---|---|"]
    return rows + [f"| {key} | {row['precision']} | {row['p50_ms']} | {row['p95_ms']} | {row['longest_slice']}, "
                   f"{row['longest_slice_ms']} ms |" for key, row in found.items()]


def _parity(figures: dict[str, Any]) -> list[str]:
    found = {name: row for name, row in figures.get("parity", {}).items() if isinstance(row, dict)}
    if not found:
        return []
    variants = list(next(iter(found.values())))
    rows = ["Largest difference from torch in 32 bits, as a share of the output's range:", "",
            f"| output | {' | '.join(variants)} |", "|---" * (len(variants) + 1) + "|"]
    return rows + [f"| {name} | {' | '.join(f'{row[v]:.5f}' for v in variants)} |" for name, row in found.items()]


def into_docs(figures: dict[str, Any], path: Path = DOCS) -> None:
    """Put the table between the two marks of docs/performance.md; ValueError without them."""
    MARKS.put(path, table(figures))
