"""Series and expressions that promtool and Sentinel are both asked about."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

PROMTOOL = shutil.which("promtool")
RULES = Path(__file__).with_name("rules.yml")
SERIES = {
    'http_requests_total{job="api",instance="a",code="200"}': "0+10x20",
    'http_requests_total{job="api",instance="a",code="500"}': "0+1x10 0+2x10",
    'http_requests_total{job="api",instance="b",code="200"}': "5+7.3x20",
    'http_requests_total{job="web",instance="c",code="200"}': "100-3x5 _x3 1+1.5x10",
    'up{job="api",instance="a"}': "1x5 0x5 1x10",
    'up{job="api",instance="b"}': "1x3 stale 0x2 _x8 1",
    'up{job="web",instance="c"}': "1 1 1 0 0 0 NaN 1 Inf",
    'mem_free{instance="a"}': "100-3.7x20",
    'mem_free{instance="b"}': "0.1+0.1x20",
    'mem_total{instance="a"}': "128x20",
    'mem_total{instance="b"}': "3x20",
    'info{instance="a",version="1.2"}': "1x20",
    'info{instance="b",version="2.0"}': "1x20",
    'lat_bucket{le="0.1",job="x"}': "0+1x20",
    'lat_bucket{le="0.5",job="x"}': "0+3x20",
    'lat_bucket{le="1",job="x"}': "0+4x20",
    'lat_bucket{le="+Inf",job="x"}': "0+5x20",
    'neg{x="1"}': "-5.5 3 -1e3 0.000012 1234567 1e9 123456789",
    'neg{x="2"}': "0.5 0.00001 1e5 -0.002 9e9 99999.5 3600 90061 -7",
    'neg{x="3"}': "1e6 1e8 123456.789 1e-7 0.1 1 1000 1024 1048576",
    'none_bucket{le="0.1"}': "0x20",
    'none_bucket{le="1"}': "0+1x20",
    'none_bucket{le="+Inf"}': "0+1x20",
    'huge{x="1"}': "1e300x20",
    'huge{x="2"}': "-1e300 Inf -Inf",
}
EXPRESSIONS = [
    line
    for line in r"""
up
up == 0
up != 0
up > bool 0
up offset 2m
-up
sum(up)
sum by (job) (http_requests_total)
sum without (code, instance) (http_requests_total)
avg by (job) (http_requests_total)
min(http_requests_total)
max by (code) (http_requests_total)
count by (job) (up)
group by (job) (up)
stddev(http_requests_total)
stdvar by (job) (http_requests_total)
quantile(0.9, http_requests_total)
quantile by (job) (0.5, http_requests_total)
topk(2, http_requests_total)
bottomk by (job) (1, http_requests_total > 0)
count_values("v", up)
rate(http_requests_total[5m])
rate(http_requests_total[3m30s])
increase(http_requests_total[4m])
irate(http_requests_total[5m])
delta(mem_free[5m])
idelta(mem_free[5m])
deriv(mem_free[7m])
predict_linear(mem_free[5m], 3600)
sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))
sum by (instance) (rate(http_requests_total{code="500"}[5m])) / sum by (instance) (up) > 0.01
mem_free / mem_total
mem_free / mem_total * 100 < 50
mem_free / ignoring(x) mem_total
mem_free * on(instance) group_left(version) info
info * on(instance) group_right() mem_free
mem_free > on(instance) mem_total
mem_free < bool on(instance) mem_total
up and on(instance) mem_free
up unless on(instance) mem_free
mem_free or up
mem_free or on(instance) up
avg_over_time(mem_free[5m])
sum_over_time(mem_free[5m])
min_over_time(mem_free[5m])
max_over_time(mem_free[5m])
count_over_time(mem_free[5m])
count_over_time(up[5m])
last_over_time(up[5m])
present_over_time(up[2m])
stddev_over_time(mem_free[5m])
stdvar_over_time(mem_free[5m])
quantile_over_time(0.3, mem_free[5m])
changes(up[10m])
resets(http_requests_total[10m])
absent(up)
absent(nothing{job="x",y=~"z"})
absent(up{job="nope"})
absent_over_time(nothing{job="x"}[5m])
absent_over_time(up[5m])
histogram_quantile(0.9, lat_bucket)
histogram_quantile(0.5, rate(lat_bucket[5m]))
histogram_quantile(0.99, sum by (le) (rate(lat_bucket[5m])))
histogram_quantile(0.2, lat_bucket)
histogram_quantile(0, none_bucket)
histogram_quantile(1, none_bucket)
histogram_quantile(NaN, none_bucket)
round(huge, 1e-100)
round(huge, 5)
round(neg, -2)
round(neg, 0)
sinh(huge)
cosh(huge)
exp(huge)
atanh(vector(1))
atanh(vector(-1))
month(vector(-0.5))
minute(vector(-30.5))
minute(neg)
timestamp((up))
absent(up{a="x",a="y",a="z"})
absent(up{a!="x",a="y"})
deriv(huge[5m])
max_over_time(rate(http_requests_total[2m])[5m:1m])
avg_over_time((mem_free / mem_total)[4m:30s])
max_over_time(mem_free[5m:])
max_over_time(mem_free[5m:2m] offset 1m)
sum_over_time(max_over_time(mem_free[3m:1m])[4m:2m])
mem_free @ 300
rate(http_requests_total[5m] @ 600)
mem_free @ end()
time()
vector(time())
timestamp(up)
timestamp(up offset 1m)
abs(neg)
ceil(neg)
floor(neg)
round(neg)
round(mem_free, 0.25)
sgn(neg)
sqrt(mem_free)
clamp(mem_free, 1, 80)
clamp_min(mem_free, 50)
clamp_max(mem_free, 50)
scalar(mem_free{instance="a"})
scalar(sum(up)) + 1
label_replace(up, "host", "$1-x", "instance", "(.*)")
label_replace(up, "job", "", "job", ".*")
label_replace(up, "host", "${a}", "instance", "(?P<a>b)")
label_join(up, "j", "/", "job", "instance")
sort(mem_free)
sort_desc(mem_free)
minute()
hour(vector(1700000000))
day_of_week(vector(1700000000))
day_of_month(vector(1700000000))
day_of_year(vector(1700000000))
days_in_month(vector(1707000000))
month(vector(1700000000))
year(vector(1700000000))
-1 ^ 2
2 - -1
5 > bool 3
mem_free ^ 2
mem_free % 7
7 % mem_free
3 - mem_free
neg * 2
100 * (1 - avg by (instance) (mem_free) / avg by (instance) (mem_total))
sum(up == 0) or vector(0)
count(up == 0) by (job) / count(up) by (job) > 0.3
{__name__="up"}
up{job!="api"}
up{job=~"api|web", instance!~"a|b"}
sum(rate(http_requests_total[1h]))
rate(http_requests_total[5m] offset 3m)
http_requests_total offset -2m
pi()
1 + 2 * 3 ^ 2 ^ 2 % 4
""".strip().splitlines()
    if line
]


def document(tests: dict[str, Any], *, rules: bool = False) -> str:
    """Return a test file over the series."""
    return yaml.safe_dump(
        {
            "rule_files": [str(RULES)] if rules else [],
            "evaluation_interval": "1m",
            "group_eval_order": ["node", "second"] if rules else [],
            "tests": [
                {
                    "interval": "1m",
                    "external_labels": {"cluster": "eu"},
                    "input_series": [
                        {"series": name, "values": values} for name, values in SERIES.items()
                    ],
                    **tests,
                }
            ],
        },
        width=10_000,
    )


def promtool_says(file: Path) -> tuple[bool, str]:
    """Return whether the tests of a file hold by the real promtool, and what it printed."""
    assert PROMTOOL
    done = subprocess.run(
        [PROMTOOL, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr
