#!/bin/sh
# What a newcomer sees: README's commands in a Debian of debootstrap in which nothing but README's apt line was run.
#
#   sudo tools/fresh_debian.sh FOLDER [SUITE] [demo|test|bags]...
#
# FOLDER is made where it is missing, and gets the commit that is checked out here; SUITE is bookworm. Without further
# words: make demo, make test, both once more, pip install '.[bags]', make demo. BIND names folders of this machine that
# the other reads, such as certificates of a company's network or wheels; variables of pip and of TLS are handed on.
# OPTIONS and MIRROR are debootstrap's. Ubuntu 26.04 has Python 3.14:
#
#   OPTIONS="--components=main,universe --keyring=UBUNTU_ARCHIVE_KEYRING" \
#   MIRROR="http://archive.ubuntu.com/ubuntu /usr/share/debootstrap/scripts/gutsy" \
#   sudo -E tools/fresh_debian.sh FOLDER resolute
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
root=$(mkdir -p "${1:?names no FOLDER}" && cd "$1" && pwd)
suite=${2:-bookworm}
[ $# -gt 2 ] && shift 2 || set -- demo test demo test bags demo

[ -x "$root/bin/sh" ] || debootstrap --variant=minbase ${OPTIONS:-} "$suite" "$root" ${MIRROR:-} > "$root.log"
mounted=""
finish() {
  for folder in $mounted; do umount "$folder"; done
}
trap finish EXIT
bind() {
  mkdir -p "$root$1"
  mount --bind "$1" "$root$1"
  mounted="$root$1 $mounted"
}
for folder in /proc /dev /dev/shm; do bind "$folder"; done
cp /etc/resolv.conf "$root/etc/"

inside() {
  chroot "$root" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive $(env | grep -E '^(PIP|SSL|REQUESTS|CURL)_[A-Z_]*=' | tr '\n' ' ') sh -euc "$1"
}
inside "apt-get -q update > /dev/null"
packages=$(sed -n 's/.*`apt install \(python3-venv [^`]*\)`.*/\1/p' "$source/README.md" | head -n 1)
echo "apt install $packages"
inside "apt-get -q -y --no-install-recommends install $packages > /dev/null"
for folder in ${BIND:-}; do
  bind "$folder"
  mount -o remount,bind,ro "$root$folder"
done
checkout=$root/root/handos_ros
git init -q "$checkout"
git -C "$checkout" fetch -q "$source" HEAD
git -C "$checkout" checkout -q --force --detach FETCH_HEAD
for step in "$@"; do
  echo "== $step"
  case $step in
    bags) inside "cd ~/handos_ros && .venv/bin/pip install -q '.[bags]'" ;;
    *) inside "cd ~/handos_ros && make $step" ;;
  esac
done
