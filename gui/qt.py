"""What Qt's types leave open."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def there(part: T | None) -> T:
    """Return a part that Qt makes itself, and that its types call optional."""
    assert part is not None
    return part
