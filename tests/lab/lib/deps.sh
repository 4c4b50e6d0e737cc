# deps.sh - what the lab needs to be installed
# shellcheck shell=bash

lab_packages() {
	printf '%s\n' docker.io etcd-server etcd-client nginx-light busybox-static iproute2 \
		iptables util-linux curl ca-certificates procps
}

# Debian 11's package, the last that Debian has: one binary without further dependencies.
consul_deb_amd64_sha256=e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# "OPTIONS URL" of the mirror that the system's main suite comes from, out of the one-line files
# and the deb822 files. OPTIONS is "[signed-by=...]" or empty.
system_mirror() {
	local file
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -r "$file" ] || continue
		awk '$1 == "deb" {
			options = ""; i = 2
			if ($2 ~ /^\[/) {
				do { options = options (options == "" ? "" : " ") $i } while ($(i++) !~ /\]$/)
			}
			url = $i; suite = $(i + 1)
			if (url ~ /debian\/?$/ && suite !~ /security|updates|backports/) {
				print options, url; exit
			}
		}' "$file"
	done
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -r "$file" ] || continue
		awk -v RS= '{
			url = ""; signed = ""; types = ""; enabled = "yes"
			n = split($0, line, "\n")
			for (i = 1; i <= n; i++) {
				split(line[i], word, /[ \t]+/)
				if (word[1] == "URIs:") url = word[2]
				if (word[1] == "Types:") types = line[i]
				if (word[1] == "Enabled:") enabled = word[2]
				if (word[1] == "Signed-By:" && word[2] ~ /^\//)
					signed = "[signed-by=" word[2] "]"
			}
			if (url ~ /debian\/?$/ && types ~ /deb( |$)/ && enabled != "no") {
				print signed, url; exit
			}
		}' "$file"
	done
}

# Fetches consul's package alone. The system's own sources and lists are not touched.
fetch_consul() {
	find_consul >/dev/null && return
	local work=$cache/fetch mirror options
	mirror=$(system_mirror | head -n 1)
	[ -n "$mirror" ] || die "no Debian mirror in /etc/apt: put a consul on the PATH instead"
	rm -rf "$work"
	mkdir -p "$work/lists/partial" "$work/deb"
	# Debian 12's keyring also knows Debian 11's keys.
	printf 'deb %s bullseye main\n' "$mirror" >"$work/sources.list"
	options=(-q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o APT::Sandbox::User=root)
	say "fetching consul from${mirror#* } bullseye"
	apt-get "${options[@]}" update
	(cd "$work/deb" && apt-get "${options[@]}" download consul)
	local deb listed
	deb=$(echo "$work"/deb/consul_*.deb)
	listed=$(apt-cache "${options[@]}" show consul | awk '$1 == "SHA256:" { print $2; exit }')
	printf '%s  %s\n' "$listed" "$deb" | sha256sum --check --quiet ||
		die "the consul package differs from its mirror's list"
	if [ "$(dpkg --print-architecture)" = amd64 ]; then
		printf '%s  %s\n' "$consul_deb_amd64_sha256" "$deb" | sha256sum --check --quiet ||
			die "the consul package is not the one this lab was made with"
	fi
	rm -rf "$cache/consul.new"
	dpkg -x "$deb" "$cache/consul.new"
	rm -rf "$cache/consul" "$work"
	mv "$cache/consul.new" "$cache/consul"
	"$cache/consul/usr/bin/consul" version | head -n 1 >&2
}

apt_install() { # PACKAGE...
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
		"$@" >/dev/null
}

# Installs what is missing without letting the packages start their services.
install_packages() {
	local package policy=/usr/sbin/policy-rc.d made_policy=
	local missing=()
	for package in $(lab_packages); do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	# A policy that is there already is the machine's own and stays in charge, unless it is what
	# an interrupted run of this function left.
	if [ ! -e "$policy" ] || grep -q 'binnacle-lab' "$policy"; then
		printf '#!/bin/sh\n# binnacle-lab: removed when its packages are installed\nexit 101\n' |
			as_root tee "$policy" >/dev/null
		as_root chmod 755 "$policy"
		made_policy=yes
	fi
	# The lists may be missing, or so old that what they name is gone.
	local status=0
	apt_install "${missing[@]}" 2>/dev/null || {
		as_root apt-get -qq update
		apt_install "${missing[@]}" || status=$?
	}
	[ -z "$made_policy" ] || as_root rm -f "$policy"
	return "$status"
}

lab_deps() {
	install_packages
	mkdir -p "$cache"
	fetch_consul
}
