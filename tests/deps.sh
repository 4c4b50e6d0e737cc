#!/bin/sh
# Install what building, testing and the lab need and is not there yet, with apt-get. Asks for
# root only when something is missing.
set -eu
cd "$(dirname "$0")/.."

build="gcc make pkg-config libncurses-dev libcurl4-openssl-dev libcjson-dev libpcre2-dev libyaml-dev libssl-dev"
tests="libcmocka-dev tmux curl ca-certificates procps"

missing=
for package in $build $tests; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
		missing="$missing $package"
done
if [ -n "$missing" ]; then
	echo "installing:$missing"
	root=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || {
			echo "these packages are missing and need root:$missing" >&2
			exit 1
		}
		root=sudo
	fi
	# shellcheck disable=SC2086
	$root apt-get update -qq &&
		$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
exec bash tests/lab/lab.sh deps
