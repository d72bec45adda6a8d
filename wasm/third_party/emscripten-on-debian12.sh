#!/bin/bash
# Emscripten 3.1.69 (clang 19) on a Debian 12 machine without emsdk's downloads.
#
# Usage: emscripten-on-debian12.sh PREFIX      then: export EM_CONFIG=PREFIX/.emscripten PATH=PREFIX/bin:$PATH
#
# clang/lld/llvm 19 come from Debian 12 itself (setup.mjs installs them). Emscripten and Binaryen
# come from Debian 13's archive, unpacked under PREFIX and never installed system-wide; Binaryen
# needs Debian 13's libc, so each of its tools is started through a private loader. Idempotent:
# bin/emcc becomes executable last.
set -euo pipefail
prefix=$(realpath -m "${1:?usage: $0 PREFIX}")
[ -x "$prefix/bin/emcc" ] && { "$prefix/bin/emcc" --version | head -1; exit 0; }

rm -rf "$prefix"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; chmod 755 "$work"
mkdir -p "$work"/{sources,lists/partial,cache/archives/partial,debs} "$prefix/bin" "$prefix/binaryen/bin"
# The machine's own mirror, one release on.
mirror_of() {
    apt-get "$@" indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
        awk '$2 == "bookworm" || $2 == "oldstable" { print $1; exit }'
}
mirror=$(mirror_of)
if [ -z "$mirror" ]; then # its package lists were removed: read them into a folder of our own
    own=(-o Dir::State::Lists="$work/own/lists" -o Dir::Cache="$work/own/cache" -o APT::Sandbox::User=root)
    mkdir -p "$work"/own/{lists/partial,cache/archives/partial}
    apt-get "${own[@]}" update -qq
    mirror=$(mirror_of "${own[@]}")
fi
[ -n "$mirror" ] || { echo "apt knows no mirror of Debian 12 on this machine" >&2; exit 1; }
printf 'Types: deb\nURIs: %s\nSuites: trixie\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$mirror" > "$work/sources/trixie.sources"
apt=(apt-get -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/sources"
     -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root
     -o Acquire::Retries=3)
"${apt[@]}" update -qq
(cd "$work/debs" && "${apt[@]}" download -qq emscripten=3.1.69* binaryen=120* libc6 libstdc++6 libgcc-s1)
for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$prefix/root"; done

triplet=$(dpkg --print-architecture | sed 's/^amd64$/x86_64-linux-gnu/; s/^arm64$/aarch64-linux-gnu/')
libs=$prefix/root/usr/lib/$triplet
loader=$(basename "$(ls "$libs"/ld-linux-*.so.* | head -1)")
for tool in "$prefix"/root/usr/bin/wasm*; do
    printf '#!/bin/sh\nexec %s/%s --library-path %s %s "$@"\n' "$libs" "$loader" "$libs" "$tool" \
        > "$prefix/binaryen/bin/$(basename "$tool")"
done
chmod +x "$prefix"/binaryen/bin/*
em=$prefix/root/usr/share/emscripten
(cd "$em" && npm install --no-save --silent acorn@8 >/dev/null)
sed "s#^BINARYEN_ROOT = .*#BINARYEN_ROOT = '$prefix/binaryen'#" "$em/.emscripten" > "$prefix/.emscripten"
for tool in em++ emar emranlib emcmake emmake emconfigure embuilder emcc; do
    printf '#!/bin/sh\nEM_CONFIG=%s/.emscripten exec %s/%s "$@"\n' "$prefix" "$em" "$tool" > "$prefix/bin/$tool"
    chmod +x "$prefix/bin/$tool"
done
"$prefix/bin/emcc" --version | head -1
