"""The table of faults and attacks is true: 74 rows, each with tests that are there and say so."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROW = re.compile(r"^\| ([A-Z]\d+) \| [^|]+ \| ([FBS ]+) \| ([^|]+) \|", re.MULTILINE)
EXPECTED = {"I": 19, "C": 14, "G": 11, "Q": 8, "S": 12, "X": 9, "D": 1}


def test_every_row_names_tests_that_exist_and_carry_its_id() -> None:
    rows = ROW.findall((Path(__file__).parent / "README.md").read_text(encoding="utf-8"))
    assert [row for row, *_ in rows] == [f"{kind}{i}" for kind, count in EXPECTED.items() for i in range(1, count + 1)]
    for row, sets, cell in rows:
        tests = re.findall(r"`([\w/]+\.py)::(\w+)`", cell)
        assert tests, row
        for file, name in tests:
            source = (TESTS / file).read_text(encoding="utf-8")
            found = re.search(rf'((?:^@.*\n)*)def {name}\((?:.|\n)*?\) -> None:(?:  #.*)?\n    """((?:.|\n)*?)"""', source, re.MULTILINE)
            assert found, f"{row}: {file} has no {name} with a docstring"
            assert re.search(rf"\b{row}\b", found.group(2)), f"{row} is not in the docstring of {name}"
            if "mark.slow" in found.group(1) + source.split("def ")[0].split("pytestmark")[-1]:
                assert "S" in sets, row
