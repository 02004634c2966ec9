#!/usr/bin/env bash
# All of MNIST: run.sh BENCHMARKS FOLDER [--counts N,...]. Keeps the page; with --counts it only prints.
set -euo pipefail
program=$1
folder=$2
shift 2
if [ $# -gt 0 ]; then exec "$program" --mnist "$folder" "$@"; fi
page="$(cd "$(dirname "$0")" && pwd)/RESULTS.md"
part="$page.part"
{
  printf '# All of MNIST, exactly\n\n%s, %s, load %s when it began\n\n```text\n' "$(date -u +%F)" \
    "$(grep -m1 'model name' /proc/cpuinfo 2> /dev/null | cut -d: -f2 | sed 's/^ //' || uname -m)" \
    "$(uptime | sed 's/.*load average[s]*: //')"
  "$program" --mnist "$folder"
  printf '```\n'
} | tee "$part"
mv "$part" "$page"
