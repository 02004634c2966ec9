"""Jobs: start, wait in slices so that Ctrl-C is heard, show progress, take the results."""

from __future__ import annotations

import ctypes
import sys
import weakref

from . import _library as lib
from ._arrays import Values

# Python handles signals between calls of the library.
_SLICE_MILLISECONDS = 50


class Job:
    """Work of the library, checked and not yet begun."""

    def __init__(self, function, *arguments):
        self._handle = lib.checked(function, *arguments)
        # Freeing a job that runs makes it end by itself.
        self._finalizer = weakref.finalize(self, lib.library.nt_job_free, self._handle)

    def description(self) -> dict:
        import json

        return json.loads(lib.take_text(lib.library.nt_job_description(self._handle)))

    def run(self, progress: bool = False) -> Values:
        """Results, or the exception that says why there are none. An interrupt ends the wait at once."""
        lib.checked(lib.library.nt_job_start, self._handle)
        done, total = ctypes.c_int64(), ctypes.c_int64()
        bar = _Bar() if progress else None
        try:
            while True:
                status = lib.library.nt_job_wait(self._handle, _SLICE_MILLISECONDS, ctypes.byref(done), ctypes.byref(total))
                if bar:
                    bar.show(done.value, total.value)
                if status != lib.RUNNING:
                    break
        except BaseException:
            lib.library.nt_job_cancel(self._handle)
            raise
        finally:
            if bar:
                bar.close()
        try:
            return Values(lib.checked(lib.library.nt_job_values, self._handle))
        except lib.NetworkError as error:
            from ._functions import take_exception

            cause = take_exception()
            if cause is not None:
                raise cause from error
            raise


class _Bar:
    """A progress bar: tqdm's where it is there, a line on standard error otherwise."""

    def __init__(self):
        self._bar = None
        self._shown = -1
        try:
            from tqdm.auto import tqdm

            self._tqdm = tqdm
        except ImportError:
            self._tqdm = None

    def show(self, done: int, total: int) -> None:
        if not total:
            return
        if self._tqdm is not None:
            if self._bar is None:
                self._bar = self._tqdm(total=total, unit="tile")
            self._bar.update(done - self._bar.n)
            return
        percent = 100 * done // total
        if percent != self._shown:
            self._shown = percent
            print(f"\r{percent:3d} %", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._shown >= 0:
            print(file=sys.stderr)
