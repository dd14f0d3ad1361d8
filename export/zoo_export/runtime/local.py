"""A model that onnxruntime runs in this process: only one that this package brings or has just made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.errors import InputError, ResourceError
from zoo_export.runtime.providers import Device, first_line, new_session, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class LocalSession:
    """Has the methods of `ChildSession`, but neither of its bounds."""

    def __init__(self, model: bytes, name: str, device: Device, threads: int | None) -> None:
        """Load the model; raises InputError where onnxruntime refuses it, or cannot run it on `device`."""
        self._name = name
        self._session = new_session(model, name, device, threads)
        self.provider: str = self._session.get_providers()[0]

    def run(self, feeds: Mapping[str, NDArray[Any]], _most: int, _seconds: float) -> NDArray[Any]:
        """Return the model's one output; raises InputError or ResourceError where onnxruntime does."""
        try:
            return run(self._session, feeds)
        except Exception as error:  # onnxruntime's errors share no base class
            if "alloc" in str(error):
                raise ResourceError(
                    f"{self._name}: there is not enough memory for so many pictures at once. "
                    "Use a smaller batch"
                ) from error
            raise InputError(
                f"{self._name}: onnxruntime cannot run it: {first_line(error)}. Export it again"
            ) from error

    def close(self) -> None:
        """Do nothing: what it holds is freed with it."""
