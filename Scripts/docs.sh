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
mkdir -p "$work/archives"

command -v python3 > /dev/null || { echo "docs: python3 is needed" >&2; exit 1; }

# Symbols are the same in all builds, and a debug build is there soonest.
swift package dump-symbol-graph --minimum-access-level public --skip-synthesized-members > "$work/log" ||
  { cat "$work/log" >&2; exit 1; }
graphs=$(sed -n 's/^Files written to //p' "$work/log" | tail -n 1)
python3 Scripts/documentation.py merge "$graphs" "$work/graphs"
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
