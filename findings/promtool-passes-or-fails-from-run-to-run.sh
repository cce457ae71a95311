#!/usr/bin/env bash
# promtool test rules: of one and the same file, some runs succeed and others fail.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q prometheus=2.42.0+ds-5+deb12u1 >/dev/null
dpkg -x prometheus_*.deb .
cat > tests.yml <<'YAML'
rule_files: []
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'x{n="1"}', values: '0.1'}
      - {series: 'x{n="2"}', values: '0.2'}
      - {series: 'x{n="3"}', values: '0.3'}
    promql_expr_test:
      - {expr: sum(x), eval_time: 0m, exp_samples: [{labels: '{}', value: 0.6}]}
YAML
passed=0
failed=0
last=""
for _ in $(seq 60); do
    if last_run=$(usr/bin/promtool test rules tests.yml 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        last=$last_run
    fi
done
usr/bin/promtool --version 2>&1 | head -1
echo "Expected: 60 runs of one file of three constant series all succeed, or all fail."
echo "Seen: $passed succeed and $failed fail. A failing one says:"
echo "$last" | grep -E "exp:|got:"
if [ "$passed" = 0 ] || [ "$failed" = 0 ]; then
    echo "CHANGED: this is no longer what the tool does"
    exit 1
fi
