#!/bin/sh
# Sets up pipmend for all Pythons of an image, while it is built, as root. Options come
# as VERSION, MODE, SCOPE and SHAREDCACHE; without a network, PIPMEND_WHEELS names a
# folder with the wheels of its dependencies (and of pipmend itself, for a release).
set -eu

VERSION=${VERSION:-latest}
MODE=${MODE:-heal}
SCOPE=${SCOPE:-global}
SHAREDCACHE=${SHAREDCACHE:-false}
USER_NAME=${_REMOTE_USER:-root}
SHARED=/var/cache/pip-shared
HERE=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "pipmend: $*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || fail "run this as root, as a Dev Container build does"
case $MODE in heal | observe | opt-in) ;; *) fail "mode is heal, observe or opt-in, not '$MODE'" ;; esac
case $SCOPE in global | user) ;; *) fail "scope is global or user, not '$SCOPE'" ;; esac
case $SHAREDCACHE in true | false) ;; *) fail "sharedCache is true or false, not '$SHAREDCACHE'" ;; esac
command -v python3 >/dev/null || fail "there is no python3; add the python feature, or install Python first"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A checkout is used as it is; else a release is unpacked, which needs no dependencies.
source_folder() {
    checkout=$(cd "$HERE/../../.." 2>/dev/null && pwd) || checkout=
    if [ -n "$checkout" ] && [ -f "$checkout/src/pipmend/__init__.py" ]; then
        echo "$checkout/src"
        return
    fi
    wanted=pipmend
    [ "$VERSION" = latest ] || wanted="pipmend==$VERSION"
    set -- --no-deps --quiet --dest "$scratch/wheel"
    [ -z "${PIPMEND_WHEELS:-}" ] || set -- "$@" --no-index --find-links "$PIPMEND_WHEELS"
    python3 -m pip download "$@" "$wanted" >&2 || fail "$wanted could not be downloaded"
    python3 -m zipfile -e "$scratch"/wheel/pipmend-*.whl "$scratch/source"
    echo "$scratch/source"
}

ensure_pip() {
    python3 -m pip --version >/dev/null 2>&1 && return
    command -v apt-get >/dev/null || fail "python3 has no pip, which has to fetch what is needed"
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends python3-pip >/dev/null
}

[ -n "${PIPMEND_WHEELS:-}" ] || ensure_pip
folder=$(source_folder)
chmod -R a+rX "$scratch"

set -- enable
# The Pythons of Dev Containers belong to a group, or to the remote user, on purpose.
if [ "$SCOPE" = user ]; then set -- "$@" --user; else set -- "$@" --all --allow-group; fi
[ "$MODE" != opt-in ] || set -- "$@" --opt-in
[ -z "${PIPMEND_WHEELS:-}" ] || set -- "$@" --wheels "$PIPMEND_WHEELS"
if [ "$SCOPE" = user ] && [ "$USER_NAME" != root ]; then
    # Arguments travel as they are: su passes them on behind the shell's own name.
    # shellcheck disable=SC2016
    su "$USER_NAME" -s /bin/sh -c \
        'folder=$1; shift; cd / && PYTHONPATH=$folder exec python3 -m pipmend "$@"' \
        sh "$folder" "$@"
else
    PYTHONPATH=$folder python3 -m pipmend "$@"
fi

if [ "$MODE" = observe ] && [ ! -e /etc/xdg/pipmend/config.toml ]; then
    mkdir -p /etc/xdg/pipmend
    printf '# Written by the Dev Container Feature.\nmode = "observe"\n' \
        >/etc/xdg/pipmend/config.toml
fi

if [ "$SHAREDCACHE" = true ]; then
    # A new volume takes over owner and mode of this folder.
    mkdir -p "$SHARED"
    chown "$USER_NAME" "$SHARED"
    chmod 0755 "$SHARED"
    PIP_CONFIG_FILE='' python3 -m pip config --global set global.cache-dir "$SHARED" >/dev/null
fi
echo "pipmend: set up ($SCOPE, $MODE)"
