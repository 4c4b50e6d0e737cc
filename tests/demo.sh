#!/bin/bash
# demo.sh - the lab, and the console on its first host. Without a terminal: the round by --batch,
# each step with its evidence.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tests/lab/lab.sh status >/dev/null 2>&1 || bash tests/lab/lab.sh up
if [ -t 0 ] && [ -t 1 ]; then
	bash tests/lab/lab.sh console W708-ATMQZLPR-1
	echo "The lab is still up: tests/lab/lab.sh console, or make lab-down."
else
	VERBOSE=1 bash tests/round/round.sh
	echo "The lab is still up: make lab-down ends it."
fi
