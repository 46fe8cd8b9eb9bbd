"""The faults that `make mutants` plants still have a place; a refactoring moves them along."""

import pytest

from tests.mutants.__main__ import ROOT, Mutant, mutants


@pytest.mark.parametrize("mutant", mutants(""), ids=lambda mutant: mutant.name)
def test_a_planted_fault_still_applies(mutant: Mutant) -> None:
    assert mutant.place(ROOT).read_text("utf-8").count(mutant.old) == 1
