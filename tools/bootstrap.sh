#!/bin/sh
# Makes a fresh Debian 12 able to build, test and run the lab: Debian packages, then the project's virtual environment.
# Does nothing when nothing is missing. Prints one line and stops where it cannot go on.
set -eu
EXTRA_PACKAGES=${EXTRA_PACKAGES:-}
cd "$(dirname "$0")/.."

fail() { echo "bootstrap: $1" >&2; exit 3; }

[ -x /usr/bin/python3.11 ] || fail "/usr/bin/python3.11 is missing (Debian 12 has it: apt-get install python3)"

# What only the machine that builds and tests needs; the nodes' own packages are in packaging/depends.
packages="make gcc python3-dev python3-venv libpq-dev dpkg-dev gettext openssl
          debootstrap systemd-container iproute2 procps swaks libnet-ssleay-perl $EXTRA_PACKAGES"
missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] || fail "not root, and these Debian packages are missing:$missing"
    echo "bootstrap: installing$missing" >&2
    apt-get update -qq || fail "apt-get update failed: no Debian package registry can be reached"
    # A server that is only needed as a program must not begin to serve on this machine.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
        fail "apt-get could not install:$missing"
fi

stamp=.venv/.locked
if ! cmp -s requirements-dev.lock "$stamp"; then
    echo "bootstrap: making .venv from requirements-dev.lock" >&2
    rm -rf .venv
    /usr/bin/python3.11 -m venv .venv || fail "cannot make a virtual environment in .venv"
    .venv/bin/pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.lock ||
        fail "pip could not install requirements-dev.lock: no Python package registry can be reached?"
    # The checkout itself, importable without being installed.
    pwd > .venv/lib/python3.11/site-packages/rupost-checkout.pth
    cp requirements-dev.lock "$stamp"
fi
