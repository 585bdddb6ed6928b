from __future__ import annotations

from pathlib import Path

import pytest

from maxsight_core import outputs

REPOSITORY = Path(__file__).resolve().parents[1]


def test_the_contract_is_complete_and_every_name_and_number_is_unique():
    assert [spec.number for spec in outputs.REGISTRY] == list(range(1, len(outputs.REGISTRY) + 1))
    assert len(set(outputs.NAMES)) == len(outputs.NAMES) >= 40


def test_every_output_says_how_it_can_be_obtained():
    for spec in outputs.REGISTRY:
        assert spec.learned_by or spec.measured_by, spec.name


def test_every_estimator_the_registry_names_exists_as_a_module():
    for spec in outputs.REGISTRY:
        if spec.measured_by and spec.measured_by.startswith("perception."):
            module = spec.measured_by.split()[0].replace(".", "/") + ".py"
            assert (REPOSITORY / "maxsight_core" / module).is_file(), f"{spec.name}: {module}"


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="glare_risk"):
        outputs.spec("glare")


def test_the_documented_table_is_the_registry():
    assert (REPOSITORY / "docs" / "outputs.md").read_text(encoding="utf-8") == outputs.markdown_table()
