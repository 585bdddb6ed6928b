"""The import rules of docs/architecture.md, read from the source: a wrong import fails here, not in production."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
WEB = {"flask", "sqlalchemy", "flask_socketio", "flask_sqlalchemy", "flask_login", "flask_migrate", "alembic"}
HEAVY = {"faiss", "rapidocr_onnxruntime", "coremltools", "executorch", "lightly"}


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]


def imports_of(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Dotted names a file imports, with relative imports resolved."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    package = path.relative_to(REPOSITORY).parent.parts
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def violations(files: list[Path], forbidden, **options) -> list[str]:
    return [f"{path.relative_to(REPOSITORY)} imports {name}"
            for path in files for name in sorted(imports_of(path, **options)) if forbidden(name)]


def starts(*packages: str):
    return lambda name: any(name == package or name.startswith(package + ".") for package in packages)


def test_contracts_taxonomy_and_outputs_need_only_the_standard_library_and_numpy():
    allowed = {*sys.stdlib_module_names, "numpy", "__future__"}
    own = {"maxsight_core.taxonomy", "maxsight_core.contracts", "maxsight_core.outputs"}
    files = [REPOSITORY / "maxsight_core" / "contracts.py", REPOSITORY / "maxsight_core" / "outputs.py",
             *sorted((REPOSITORY / "maxsight_core").glob("taxonomy*.py"))]
    assert not violations(files, lambda n: n.split(".")[0] not in allowed and not any(n.startswith(o) for o in own))


def test_the_core_knows_nothing_of_the_web_or_of_training():
    assert not violations(python_files("maxsight_core"), starts("app", "training", *WEB))


def test_the_web_and_training_do_not_know_each_other():
    assert not violations(python_files("app"), starts("training"))
    assert not violations(python_files("training"), starts("app"))


def test_only_the_engine_client_touches_the_engine():
    others = [path for path in python_files("app") if path.name != "engine_client.py"]
    assert not violations(others, starts("maxsight_core.engine", "maxsight_core.models", "torch", "openvino"))


@pytest.mark.parametrize("package", ["alerts", "scenes"])
def test_alerts_and_scenes_never_import_models_or_the_engine(package):
    files = python_files(f"maxsight_core/{package}")
    assert files
    assert not violations(files, starts("torch", "maxsight_core.models", "maxsight_core.engine"))


def test_models_and_perception_do_not_import_the_engine_or_the_alert_decisions():
    files = python_files("maxsight_core/models", "maxsight_core/perception")
    reports = {"report.py", "motion_report.py"}  # command lines over whole recordings may use the engine's sources
    files = [path for path in files if path.name not in reports]
    words = starts("maxsight_core.alerts.wording")  # descriptions say directions and distances as alerts do
    upper = starts("maxsight_core.alerts", "maxsight_core.engine.engine", "maxsight_core.engine.service",
                   "maxsight_core.engine.lanes")
    assert not violations(files, lambda name: upper(name) and name != "maxsight_core.alerts" and not words(name))


def test_heavy_extras_are_imported_where_they_are_used():
    assert not violations(python_files("app", "maxsight_core"), starts(*HEAVY), top_level_only=True)
