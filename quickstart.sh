#!/usr/bin/env bash
# From a fresh Debian 12 or 13 or Ubuntu 24.04 to a converted checkpoint. A second run installs and
# downloads nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'TEXT'
usage: ./quickstart.sh                 build unbrine, convert and inspect a real checkpoint
       ./quickstart.sh test            build unbrine and pass all tests
       ./quickstart.sh test --oracle   the same, and compare with torch, timm, opacus and others
       ./quickstart.sh packages        only install the packages that are missing

Missing packages are installed with apt-get, as root or with sudo; all else stays in build/.
UNBRINE_WERROR=ON makes a compiler warning an error.
TEXT
}

say() { printf '== %s\n' "$*"; }
fail() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

# --- Packages ---

readonly libraries=(libzip-dev libsimdjson-dev libxxhash-dev libdeflate-dev zlib1g-dev libbz2-dev
  liblzma-dev libpcre2-dev libssl-dev libboost-program-options-dev libgtest-dev libgmock-dev
  ca-certificates)

is_installed() {
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}
runs() { "$@" >/dev/null 2>&1; }

# A tool that runs is good wherever it came from; a library must be the distribution's.
missing_packages() {
  runs g++ --version || echo g++
  runs cmake --version || echo cmake
  runs ninja --version || echo ninja-build
  runs python3 --version || echo python3
  runs python3 -c 'import ensurepip, venv' || echo python3-venv
  local package
  for package in "${libraries[@]}"; do
    is_installed "$package" || echo "$package"
  done
}

install_missing() {
  if ! runs dpkg-query --version || ! runs apt-get --version; then
    fail "needs Debian 12 or 13 or Ubuntu 24.04; CONTRIBUTING.md says what to install elsewhere"
  fi
  local missing sudo=()
  mapfile -t missing < <(missing_packages)
  [[ ${#missing[@]} -eq 0 ]] && return
  if [[ $EUID -ne 0 ]]; then
    runs sudo --version ||
      fail "neither root nor sudo; let root run: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  say "installing ${missing[*]}"
  "${sudo[@]}" apt-get -qq update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# --- Build and test ---

build() {  # $1: the target; $2: the Python of the oracle tests, or nothing
  say "building (build/release)"
  cmake --preset release -DUNBRINE_WERROR="${UNBRINE_WERROR:-OFF}" \
    -DUNBRINE_ORACLE_PYTHON="${2:-}" --log-level=WARNING >/dev/null
  cmake --build --preset release --target "$1"
}

# The stamp is written last: an interrupted installation starts over.
make_oracle_venv() {
  local stamp=build/oracle-venv/requirements.txt
  cmp -s tests/oracle/requirements.txt "$stamp" && return
  say "installing torch, timm, opacus and others (build/oracle-venv)"
  rm -rf build/oracle-venv
  python3 -m venv build/oracle-venv
  build/oracle-venv/bin/pip install --quiet --requirement tests/oracle/requirements.txt
  cp tests/oracle/requirements.txt "$stamp"
}

run_tests() {
  say "testing"
  ctest --preset release --parallel "$(nproc)"
}

# --- A real checkpoint ---

# Three MIT-licensed files of torch's legacy format. A wheel is a zip: no torch is needed.
readonly wheel=facenet-pytorch==2.6.0
readonly checkpoints=(
  "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d  onet.pt"
  "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f  pnet.pt"
  "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86  rnet.pt")

are_fetched() {
  [[ -d build/demo ]] &&
    (cd build/demo && printf '%s\n' "${checkpoints[@]}" | sha256sum --check --status 2>/dev/null)
}

fetch_checkpoints() {
  are_fetched && return
  say "fetching $wheel (build/demo)"
  rm -rf build/fetch
  python3 -m venv build/fetch
  build/fetch/bin/pip download --quiet --no-deps --only-binary :all: --dest build/fetch "$wheel"
  python3 -m zipfile -e build/fetch/facenet_pytorch-*.whl build/fetch/wheel
  mkdir -p build/demo
  cp build/fetch/wheel/facenet_pytorch/data/{onet,pnet,rnet}.pt build/demo/
  are_fetched || fail "the files of $wheel are not the expected ones (sha256)"
  rm -rf build/fetch
}

show() {
  printf '\n$ %s\n' "$*"
  "$@"
}

demonstrate() {
  PATH="$PWD/build/release:$PATH"
  rm -f build/demo/*.safetensors
  local name
  for name in onet pnet rnet; do
    show unbrine convert "build/demo/$name.pt" -o "build/demo/$name.safetensors"
  done
  show unbrine inspect build/demo/onet.safetensors
  printf '\nThe program is build/release/unbrine; its --help lists what it can do.\n'
}

case "$*" in
  "")
    install_missing
    build unbrine
    fetch_checkpoints
    demonstrate
    ;;
  test)
    install_missing
    build all
    run_tests
    ;;
  "test --oracle")
    install_missing
    make_oracle_venv
    fetch_checkpoints
    build all "$PWD/build/oracle-venv/bin/python"
    run_tests
    ;;
  packages)
    install_missing
    ;;
  -h | --help)
    usage
    ;;
  *)
    usage >&2
    exit 2
    ;;
esac
