"""Frozen values that cost a process next to nothing to define.

To a type checker a record is a ``typing.NamedTuple``. At run time that one compiles
the annotation of each field and the constructor of each class, and dataclasses do the
same: of all that pip comes to load, that took a quarter of the instructions (#6).
Where pip is not waiting, ``typing.NamedTuple`` is what to use.
"""

from __future__ import annotations

import collections
from operator import itemgetter
from typing import TYPE_CHECKING

__all__ = ["Record"]

if TYPE_CHECKING:
    from typing import NamedTuple as Record

    from typing_extensions import Self
else:

    def _described(at: int, words: str) -> property:
        return property(itemgetter(at), doc=words)

    # What named tuples of CPython read their fields with is faster.
    _field = getattr(collections, "_tuplegetter", _described)

    class _Kind(type):
        """Turns the annotations of a class into its fields."""

        def __new__(
            cls, name: str, bases: tuple[type, ...], namespace: dict[str, object]
        ) -> type:
            fields = tuple(namespace.get("__annotations__", ()))
            if fields:
                given = {one: namespace[one] for one in fields if one in namespace}
                namespace.update(_fields=fields, _field_defaults=given)
                for at, field in enumerate(fields):
                    namespace[field] = _field(at, f"Field {at}")
            namespace["__slots__"] = ()
            return super().__new__(cls, name, bases, namespace)

    class Record(tuple, metaclass=_Kind):
        """A tuple with names, and with the methods of ``collections.namedtuple``."""

        __slots__ = ()
        _make = classmethod(tuple.__new__)

        def __new__(cls, *values: object, **named: object) -> Self:
            """Make one of values in order, by name, or both.

            Raises:
                TypeError: there are too few or too many.
            """
            if named or len(values) != len(cls._fields):
                values = cls._completed(values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _completed(
            cls, values: tuple[object, ...], named: dict[str, object]
        ) -> tuple[object, ...]:
            missing = cls._fields[len(values) :]
            given = {**cls._field_defaults, **named}
            if len(values) > len(cls._fields) or not named.keys() <= set(missing):
                raise TypeError(f"{cls.__name__} has no such fields")
            absent = [field for field in missing if field not in given]
            if absent:
                raise TypeError(f"{cls.__name__} needs {', '.join(absent)}")
            return (*values, *(given[field] for field in missing))

        def __getnewargs__(self) -> tuple[object, ...]:
            return tuple(self)

        def __repr__(self) -> str:
            values = (f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({', '.join(values)})"

        def _asdict(self) -> dict[str, object]:
            return dict(zip(self._fields, self))

        def _replace(self, **changes: object) -> Self:
            return type(self)(**{**self._asdict(), **changes})
