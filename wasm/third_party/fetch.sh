#!/bin/bash
# Third-party sources of sources.txt, unpacked with Debian's patches into a cache outside the tree.
#
# Usage: fetch.sh [DEPS]          DEPS: default $MESHTERM_DEPS, then ~/.cache/meshterm/deps
#
#   $MESHTERM_SOURCES (or Debian 13's archive, through apt with a private configuration)
#     > NAME_VERSION.orig.tar.*   checked against the pinned SHA-256
#     > NAME_VERSION.debian.tar.* checked by apt against the archive's signature
#     > DEPS/NAME/                unpacked, patched, renamed into place; .stamp says from what
#
# MESHTERM_SOURCES=DIR takes the same files (orig and debian.tar) from a folder instead; nothing
# but this script then vouches for Debian's part. A second run with everything in place does nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
deps=${1:-${MESHTERM_DEPS:-$HOME/.cache/meshterm/deps}}
list=$here/sources.txt
say() { printf 'fetch: %s\n' "$*"; }
die() { printf 'fetch: %s\n' "$*" >&2; exit 1; }

stamp_of() { printf '%s %s\n' "$1" "$2"; } # sha256 of the tarball, least revision
rows() { grep -v '^#' "$list" | grep .; }

missing=()
while read -r name _ least _ sha _; do
    [ "$(head -1 "$deps/$name/.stamp" 2>/dev/null)" = "$(stamp_of "$sha" "$least")" ] ||
        missing+=("$name")
done < <(rows)
if [ ${#missing[@]} = 0 ]; then
    say "all of $(rows | wc -l) sources in place in $deps"
    exit 0
fi

mkdir -p "$deps"
if command -v flock >/dev/null && [ -z "${MESHTERM_FETCH_LOCKED:-}" ]; then
    flock -n "$deps/.lock" true || say "another run is at it, waiting"
    MESHTERM_FETCH_LOCKED=1 exec flock "$deps/.lock" bash "$0" "$deps"
fi
for tool in tar xz bzip2 patch sha256sum; do
    command -v $tool >/dev/null || die "$tool is missing (Debian: apt-get install tar xz-utils bzip2 patch coreutils)"
done
rm -rf "$deps"/.unpack.*
work=$(mktemp -d "$deps/.unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# The site of the machine's own Debian mirror that serves one of the given suites. A machine whose
# package lists were removed knows none: own_lists reads them once, into a folder of our own.
own=()
own_lists() {
    own=(-o Dir::State::Lists="$work/own/lists" -o Dir::Cache="$work/own/cache" -o APT::Sandbox::User=root)
    mkdir -p "$work"/own/{lists/partial,cache/archives/partial}
    apt-get "${own[@]}" update -q >"$work/log" 2>&1 || cat "$work/log" >&2
}
site_of() {
    apt-get ${own[@]+"${own[@]}"} indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
        awk -v want=" $* " 'index(want, " " $2 " ") { print $1; exit }'
}

add_suite() { # suite, site
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
        "$2" "$1" /usr/share/keyrings/debian-archive-keyring.gpg >> "$work/apt/sources/debian.sources"
}

download() {
    command -v apt-get >/dev/null || die "no apt here: put the files of sources.txt (orig and debian.tar) into a folder and set MESHTERM_SOURCES to it"
    mkdir -p "$work"/apt/{sources,lists/partial,cache/archives/partial} "$work/files"
    local apt=(apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/apt/sources"
               -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache"
               -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any -o Acquire::Retries=3)
    local code main security
    code=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ -n "$(site_of "$code" stable oldstable)" ] || own_lists
    main=$(site_of "$code" stable oldstable)
    security=$(site_of "$code-security" stable-security oldstable-security)
    [ -n "$main" ] || die "apt knows no Debian mirror on this machine; set MESHTERM_SOURCES to a folder with the files of sources.txt"

    add_suite trixie "$main"
    [ -z "$security" ] || add_suite trixie-security "$security"
    say "reading the package lists of Debian 13"
    if [ -z "$security" ] || ! "${apt[@]}" update >"$work/log" 2>&1; then
        say "the machine's mirror does not serve trixie-security: trixie alone, if it is new enough"
        rm "$work/apt/sources/debian.sources"
        add_suite trixie "$main"
        "${apt[@]}" update >"$work/log" 2>&1 || { cat "$work/log" >&2; die "Debian 13's package lists cannot be read"; }
    fi
    local name source least
    while read -r name source least _; do
        [[ " ${missing[*]} " = *" $name "* ]] || continue
        say "downloading $name"
        (cd "$work/files" && "${apt[@]}" source --download-only --only-source "$source" >"$work/log" 2>&1) && continue
        [ "$least" = - ] || { cat "$work/log" >&2; die "$source cannot be downloaded"; }
        say "$name: Debian's packaging is not served; the upstream tarball alone"
        rm -f "$work/files/${source}_"*.{dsc,debian.tar.*}
        (cd "$work/files" && "${apt[@]}" source --download-only --only-source --tar-only "$source" >"$work/log" 2>&1) ||
            { cat "$work/log" >&2; die "the upstream tarball of $source cannot be downloaded"; }
    done < <(rows)
}

# Highest package version among the debian.tar files of one source, or nothing. Epochs do not occur.
revision_in() { # folder, source
    local file
    for file in "$1/$2"_*.debian.tar.*; do
        [ -e "$file" ] || continue
        file=${file##*/}; file=${file#"$2"_}
        printf '%s\n' "${file%.debian.tar.*}"
    done | sort -V | tail -1
}

at_least() { # version, least
    if command -v dpkg >/dev/null; then dpkg --compare-versions "$1" ge "$2"
    else [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | tail -1)" = "$1" ]; fi
}

unpack() { # name, source, least, sha256, tarball; uses $files
    local name=$1 source=$2 least=$3 sha=$4 tarball=$5 revision into=$work/$1 line
    [ -f "$files/$tarball" ] || die "$name: $tarball is not in $files"
    [ "$(sha256sum < "$files/$tarball" | cut -d' ' -f1)" = "$sha" ] ||
        die "$name: $tarball has another SHA-256 than sources.txt"
    revision=$(revision_in "$files" "$source")
    if [ "$least" != - ]; then
        [ -n "$revision" ] || die "$name: no ${source}_*.debian.tar.* in $files"
        at_least "$revision" "$least" || die "$name: Debian's $revision is lower than the least one, $least"
    fi
    mkdir "$into"
    tar -xf "$files/$tarball" -C "$into" --strip-components=1 --no-same-owner
    if [ -n "$revision" ]; then
        tar -xf "$files/${source}_$revision".debian.tar.* -C "$into" --no-same-owner
        if [ -f "$into/debian/patches/series" ]; then
            while read -r line _; do
                case $line in ''|'#'*) continue;; esac
                patch -d "$into" -p1 -s -f -E -t --no-backup-if-mismatch -i "$into/debian/patches/$line" >&2 ||
                    die "$name: Debian's patch $line does not apply"
            done < "$into/debian/patches/series"
        fi
    fi
    { stamp_of "$sha" "$least"; printf '%s\n' "${revision:-$tarball (upstream alone)}"; } > "$into/.stamp"
    rm -rf "${deps:?}/$name"
    mv -T "$into" "$deps/$name" 2>/dev/null || mv "$into" "$deps/$name"
    say "$name: $(tail -1 "$deps/$name/.stamp")"
}

if [ -n "${MESHTERM_SOURCES:-}" ]; then
    files=$MESHTERM_SOURCES
    say "taking the sources from $files"
else
    download
    files=$work/files
fi
while read -r name source least _ sha tarball; do
    [[ " ${missing[*]} " = *" $name "* ]] || continue
    unpack "$name" "$source" "$least" "$sha" "$tarball"
done < <(rows)
