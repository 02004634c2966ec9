"""Makes the wheel one of this platform: it holds the shared library, which `make wheel` puts beside the package."""

import pathlib
import sysconfig

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LibraryHook(BuildHookInterface):
    """Adds the library, and says that the wheel is for any Python but for one platform."""

    def initialize(self, version, build_data):
        folder = pathlib.Path(self.root) / "src" / "swift_neural_tangents"
        libraries = sorted(folder.glob("lib*.so*")) + sorted(folder.glob("lib*.dylib"))
        if not libraries:
            raise RuntimeError(f"expected the shared library in {folder}, found none; `make wheel` builds it")
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"] += [f"src/swift_neural_tangents/{library.name}" for library in libraries]
