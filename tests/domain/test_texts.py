"""What may stand in a name, a key or a value."""

import pytest

from runs import texts
from runs.errors import Invalid


@pytest.mark.parametrize(
    ("text", "least", "said"),
    [("", 1, "name must not be empty."), ("abc", 8, "name has 3 characters; it needs at least 8.")],
)
def test_a_text_that_is_too_short_is_told_how_long_it_must_be(text, least, said):
    with pytest.raises(Invalid, match=said):
        texts.check(text, most=64, least=least, field="name")
