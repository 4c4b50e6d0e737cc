# images.sh - the containers' images, made out of this machine's own programs
#
# Nothing is pulled. A root directory is put together, packed once into the cache, and given to each
# Docker with `docker import`.
# shellcheck shell=bash

# Changes when anything that goes into the images does.
images_stamp() {
	{
		cat "$lab_source/lib/images.sh"
		stat -L -c '%n %s %Y' "$(command -v busybox)" "$(command -v nginx)"
	} | sha256sum | cut -c 1-16
}

image_base() { # ROOT
	local root=$1 applet
	mkdir -p "$root"/{bin,dev,etc,proc,run,sys,tmp,var/log,var/lib,usr/bin,usr/sbin,root}
	chmod 1777 "$root/tmp"
	ln -s ../run "$root/var/run"
	cp -L "$(command -v busybox)" "$root/bin/busybox"
	for applet in $("$root/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n' \
		>"$root/etc/passwd"
	printf 'root:x:0:\nwww-data:x:33:\n' >"$root/etc/group"
	printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
}

image_web() { # ROOT
	image_base "$1"
	mkdir -p "$1/www"
	cat >"$1/bin/serve" <<'EOF'
#!/bin/sh
# The page says which instance answered.
address=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
[ -n "$address" ] || address=$(ip -4 -o addr show | awk '$2 != "lo" { sub("/.*", "", $4); print $4; exit }')
printf '%s at %s answers\n' "$(hostname)" "$address" >/www/index.html
printf 'ok\n' >/www/health
# As process 1 the server would ignore the signal that stops it.
trap 'exit 0' TERM INT
httpd -f -v -p 80 -h /www &
wait
EOF
	chmod 755 "$1/bin/serve"
}

image_nginx() { # ROOT
	local root=$1 library
	image_base "$root"
	mkdir -p "$root"/{etc/nginx,var/log/nginx,var/lib/nginx,var/lock,usr/share/nginx,usr/lib/nginx/modules}
	cp -L "$(command -v nginx)" "$root/usr/sbin/nginx"
	for library in $(ldd "$(command -v nginx)" | grep -o '/[^ ]*'); do
		mkdir -p "$root${library%/*}"
		cp -L "$library" "$root$library"
	done
	# The logs are the container's: those of process 1, which has no part in reloads.
	ln -s /proc/1/fd/1 "$root/var/log/nginx/access.log"
	ln -s /proc/1/fd/2 "$root/var/log/nginx/error.log"
	# Process 1 is not nginx: nginx may be reloaded, killed and started anew, and the container
	# stays. It also takes in the orphans of an nginx that was killed.
	cat >"$root/bin/ingress" <<'EOF'
#!/bin/sh
trap 'nginx -s quit 2>/dev/null; exit 0' TERM INT
nginx
while :; do
	sleep 3600 &
	wait $!
done
EOF
	chmod 755 "$root/bin/ingress"
}

# Packs the images unless the cache has them. Prints nothing; sets images_dir.
build_images() {
	local stamp work
	stamp=$(images_stamp)
	images_dir=$cache/images-$stamp
	[ -e "$images_dir/complete" ] && return
	work=$cache/images-work.$BASHPID
	rm -rf "$work" "$cache"/images-*
	mkdir -p "$work/web" "$work/nginx" "$work/out"
	image_web "$work/web"
	image_nginx "$work/nginx"
	tar -C "$work/web" --owner=0 --group=0 --numeric-owner -cf "$work/out/web.tar" .
	tar -C "$work/nginx" --owner=0 --group=0 --numeric-owner -cf "$work/out/nginx.tar" .
	touch "$work/out/complete"
	rm -rf "$images_dir"
	mv "$work/out" "$images_dir"
	rm -rf "$work"
}

import_images() { # DOCKER-SOCKET
	docker -H "unix://$1" import -c 'EXPOSE 80' -c 'CMD ["/bin/serve"]' \
		-c 'ENV PATH=/bin:/sbin:/usr/bin:/usr/sbin' "$images_dir/web.tar" lab/web &
	docker -H "unix://$1" import -c 'EXPOSE 80' -c 'CMD ["/bin/ingress"]' \
		-c 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin' "$images_dir/nginx.tar" lab/nginx
	wait $!
}
