# Sourced by the commands beside it: brings a bare Debian 12 to the point where Python can take over.
# Needs nothing but bash, coreutils, awk, apt and dpkg. It knows packages and the virtual environment, not the cloud.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
COMMAND=devstack/$(basename "$0")
LOGS=$ROOT/build/log
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 PYTHONPATH=$ROOT
unset CDPATH PYTHONHOME

fail() {  # fail WHAT [LOG]: the one line that a user sees
    echo "$COMMAND: failed: $1${2:+; read $2}" >&2
    exit 1
}

help() {  # prints the comment at the top of the command when asked for it
    case " $* " in *" -h "* | *" --help "*) ;; *) return 0 ;; esac
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
    exit 0
}

need_root() {
    [ "$(id -u)" = 0 ] || fail "run it as root: it makes network namespaces, bridges and virtual machines"
}

# One preparation at a time on a checkout, however many stacks it starts. Others wait for it.
prepare() {  # prepare GROUP...
    mkdir -p "$LOGS"
    exec 8>"$ROOT/build/prepare.lock"
    flock -w 900 8 || fail "another preparation has been running for 15 minutes"
    install_packages "$@"
    make_venv
    exec 8>&-
}

install_packages() {
    local log=$LOGS/apt.log wanted missing package
    [ -r "$ROOT/devstack/packages.txt" ] || fail "devstack/packages.txt is missing"
    wanted=$(awk -v groups=" $* " 'index(groups, " " $1 " ") {print $2}' "$ROOT/devstack/packages.txt" | sort -u)
    missing=
    for package in $wanted; do
        case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in ii*) ;; *) missing+=" $package" ;; esac
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "these packages are missing and there is no apt-get:$missing"
    echo "  installing Debian packages:$missing"
    forbid_daemons
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update && dpkg --configure -a && apt-get install -y --no-install-recommends \
            -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold $missing; } >"$log" 2>&1 </dev/null; then
        allow_daemons
        fail "packages could not be installed ($(grep -m1 -E '^E:' "$log" || echo 'apt-get'))" "$log"
    fi
    allow_daemons
}

# The packages would start a broker, a hypervisor daemon and a database of their own, on the ports that ours use.
forbid_daemons() {
    local policy=/usr/sbin/policy-rc.d
    trap allow_daemons EXIT
    if [ -e $policy ] && [ ! -e $policy.before-devstack ]; then
        grep -q 'made by devstack' $policy || mv $policy $policy.before-devstack
    fi
    printf '#!/bin/sh\n# made by devstack/prepare.sh, removed when it ends\nexit 101\n' >$policy
    chmod 755 $policy
}

allow_daemons() {
    local policy=/usr/sbin/policy-rc.d
    trap - EXIT
    if grep -qs 'made by devstack' $policy; then rm -f $policy; fi
    if [ -e $policy.before-devstack ]; then mv $policy.before-devstack $policy; fi
}

make_venv() {
    local log=$LOGS/venv.log stamp=$ROOT/.venv/devstack.stamp want
    want=$( (cat "$ROOT/pyproject.toml"; echo "$ROOT"; /usr/bin/python3 --version) | sha256sum)
    if [ -x "$ROOT/.venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return 0; fi
    echo "  installing Python packages into .venv"
    # A virtual environment does not survive being moved with its checkout: its scripts name the old place.
    if ! { { "$ROOT/.venv/bin/pip" --version | grep -F "$ROOT/.venv/" || /usr/bin/python3 -m venv --clear "$ROOT/.venv"; } &&
           "$ROOT/.venv/bin/python" -m pip install --no-input --disable-pip-version-check -e "$ROOT[dev]"; } \
           >"$log" 2>&1 </dev/null; then
        fail "Python packages could not be installed ($(grep -m1 '^ERROR:' "$log" || echo pip))" "$log"
    fi
    echo "$want" >"$stamp"
}

build_image() {  # the test guest, once: build/image/tinyguest.qcow2
    local log=$LOGS/image.log image=$ROOT/build/image
    [ -s "$image/tinyguest.qcow2" ] && return 0
    echo "  building the test image"
    exec 8>"$ROOT/build/prepare.lock"
    flock -w 900 8 || fail "another preparation has been running for 15 minutes"
    if [ ! -s "$image/tinyguest.qcow2" ]; then
        # A second try with fresh package lists: those of the machine may be gone, or name versions that are.
        sh "$ROOT/devstack/build-test-image.sh" "$image.part" >"$log" 2>&1 </dev/null ||
            { apt-get update && sh "$ROOT/devstack/build-test-image.sh" "$image.part"; } >>"$log" 2>&1 </dev/null ||
            fail "the test image could not be built" "$log"
        rm -rf "$image" "$image.part/cache"
        mv "$image.part" "$image"
    fi
    exec 8>&-
}
