#!/usr/bin/env bash
# spin 6.5.2: with weak fairness (`pan -a -f`) a run that stops, with nothing left that could happen,
# counts as no violation of `<>[] p`, although p never holds; without -f it does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq spin=6.5.2+dfsg-1 >/dev/null
dpkg-deb -x spin_*.deb .
cat >stops.pml <<'PML'
bool held = true;
bool asked = false;

active proctype Holder() { asked = true; !held }
active proctype Other()  { asked; false }

ltl ends { <> [] (!held) }
PML
usr/bin/spin -a stops.pml >/dev/null
gcc -O1 -w -o pan pan.c

errors() { ./pan "$@" | sed -n 's/.*errors: \([0-9]*\).*/\1/p'; }

without=$(errors -a)
with=$(errors -a -f)
usr/bin/spin -V
echo "A claim is held, both processes wait for what never comes: the claim is held for ever."
echo "Expected: 'eventually it is held no more' is violated; fairness asks nothing of processes that cannot go on."
echo "Seen: pan -a finds $without violation, pan -a -f finds $with"
if [ "$without $with" != "1 0" ]; then
  echo "CHANGED: this is no longer what spin does"
  exit 1
fi
