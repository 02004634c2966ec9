#!/usr/bin/env bash
# Builds the documentation as a static site in .build/documentation, with the toolchain's own docc: the umbrella and
# Tensors, each with the symbols of the modules that belong to it, and a page above both. Fails when a public symbol
# stands under no theme, and when docc has something to say.
#
# DOCS_BASE=/path: where on its server the site will be.
set -euo pipefail
cd "$(dirname "$0")/.."

work=.build/documentation-work
site=.build/documentation
rm -rf "$work" "$site"
mkdir -p "$work/archives" "$work/symbols"

command -v python3 > /dev/null || { echo "docs: python3 is needed" >&2; exit 1; }

# Symbols are the same in all builds, and a debug build of the umbrella alone is there soonest.
swift build --target NeuralTangents > "$work/log" || { cat "$work/log" >&2; exit 1; }
binaries=$(swift build --show-bin-path)
flags=(-target "$(swiftc -print-target-info | sed -n 's/.*"triple": "\(.*\)",/\1/p' | head -n 1)" -I "$binaries/Modules")
if command -v xcrun > /dev/null; then flags+=(-sdk "$(xcrun --show-sdk-path)"); fi
# The modules in C that the Swift modules import.
while read -r map; do
  flags+=(-Xcc "-fmodule-map-file=$map")
done < <(ls "$binaries"/*.build/module.modulemap "$PWD"/Sources/*/module.modulemap .build/checkouts/*/Sources/*/include/module.modulemap)
for module in $(python3 Scripts/documentation.py modules); do
  swift symbolgraph-extract -module-name "$module" -minimum-access-level public -skip-synthesized-members \
    -module-cache-path "$work/cache" -output-dir "$work/symbols" "${flags[@]}" 2> "$work/log" ||
    { cat "$work/log" >&2; exit 1; }
done
python3 Scripts/documentation.py merge "$work/symbols" "$work/graphs"
python3 Scripts/documentation.py check "$work/graphs"

# convert NAME [ARGUMENT...]: one archive.
convert() {
  local name=$1
  shift
  docc convert "Sources/$name/$name.docc" --additional-symbol-graph-dir "$work/graphs/$name" \
    --output-dir "$work/archives/$name.doccarchive" --fallback-display-name "$name" \
    --fallback-bundle-identifier "$name" --fallback-default-module-kind Module --hosting-base-path "${DOCS_BASE:-/}" \
    --enable-experimental-external-link-support --enable-experimental-overloaded-symbol-presentation \
    --warnings-as-errors "$@"
}
convert Tensors
convert NeuralTangents --dependency "$work/archives/Tensors.doccarchive"
docc merge "$work/archives/NeuralTangents.doccarchive" "$work/archives/Tensors.doccarchive" \
  --synthesized-landing-page-name swift-neural-tangents --output-path "$site"

# A reader who opens the site's root wants the page above both.
cat > "$site/index.html" << 'HTML'
<!doctype html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url=documentation/">
<title>swift-neural-tangents</title>
<a href="documentation/">Documentation</a>
HTML
echo "The documentation is in $site. To read it: python3 -m http.server --directory $site"
