#!/bin/sh
# Install what building, testing and the lab need and is not there yet, with apt-get. Asks for
# root only when something is missing. `deps.sh check` installs also what only tests need.
set -eu
cd "$(dirname "$0")/.."

build="gcc make pkg-config libncurses-dev libcurl4-openssl-dev libcjson-dev libpcre2-dev libyaml-dev libssl-dev"
tests="libcmocka-dev tmux curl ca-certificates openssl procps"

root=
[ "$(id -u)" = 0 ] || root=sudo

missing=
for package in $build $tests; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
		missing="$missing $package"
done
# For `check`, a real ZooKeeper, which brings Java along; without it its tests are skipped.
zookeeper=
if [ "${1-}" = check ]; then
	[ -e /usr/share/java/zookeeper.jar ] || zookeeper=libzookeeper-java
	command -v java >/dev/null || zookeeper="$zookeeper default-jre-headless"
fi

install() {
	echo "installing: $*"
	$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ -n "$missing$zookeeper" ] && [ -n "$root" ] && ! command -v sudo >/dev/null; then
	[ -z "$missing" ] || {
		echo "these packages are missing and need root:$missing" >&2
		exit 1
	}
	zookeeper=
fi
[ -z "$missing$zookeeper" ] || $root apt-get update -qq
# shellcheck disable=SC2086
[ -z "$missing" ] || install $missing
if [ -n "$zookeeper" ] && apt-cache show libzookeeper-java >/dev/null 2>&1; then
	# shellcheck disable=SC2086
	install $zookeeper || echo "no ZooKeeper: its tests will be skipped"
fi
exec bash tests/lab/lab.sh deps
