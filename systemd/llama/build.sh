#!/bin/sh
# Builds the wheels of llama.cpp for the Pi on a workstation: `make wheels`.
#
#   sh systemd/llama/build.sh ENVIRONMENT OUT     ENVIRONMENT has the packages of lock/build.txt
#
# Tag 80 runs on every 64-bit Pi (ARMv8-A), 82_dotprod on a Pi 5 (ARMv8.2-A with dot product), where
# it is faster. Before a wheel is delivered it computes in an emulation of such a processor, and the
# second is shown to fail on the first: a test that cannot fail would prove nothing.
#
# OpenMP, unlike llama.cpp's own threads, can be told to sleep (payload/mind_start.py).
set -eu
renice -n 10 $$ >/dev/null # it takes both cores for minutes

here=$(cd "$(dirname "$0")" && pwd)
project=$(dirname "$(dirname "$here")")
environment=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)

missing=
command -v aarch64-linux-gnu-g++ >/dev/null || missing="g++-aarch64-linux-gnu"
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
[ -n "$qemu" ] || missing="$missing qemu-user-static"
if [ -n "$missing" ]; then
    echo "make wheels needs: sudo apt install $missing" >&2
    exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' HUP INT TERM
pip() { "$environment/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
PATH=$environment/bin:$PATH

# The source that the lock names, checked against its hash.
awk '/^[^ #]/ { keep = /^llama-cpp-python==/ } keep' "$project/lock/mind.txt" >"$scratch/llama.txt"
pip download --require-hashes --no-deps --no-build-isolation --no-binary :all: \
    --dest "$scratch" -r "$scratch/llama.txt"
source=$(echo "$scratch"/llama_cpp_python-*.tar.gz)
mkdir "$scratch/source"
tar -xzf "$source" -C "$scratch/source" --strip-components=1 --wildcards '*/include/*.h'
headers=$scratch/source/vendor/llama.cpp

# build TAG ARCHITECTURE: a wheel and the program that examines it.
build() {
    echo "llama.cpp for $2"
    CMAKE_ARGS="-DCMAKE_TOOLCHAIN_FILE='$here/aarch64.cmake' \
-DCMAKE_PROJECT_llama_cpp_INCLUDE='$here/only_llama.cmake' -DGGML_NATIVE=OFF \
-DGGML_CPU_ARM_ARCH=$2 -DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON" \
        CMAKE_GENERATOR=Ninja _PYTHON_HOST_PLATFORM=linux-aarch64 SKBUILD_WHEEL_BUILD_TAG="$1" \
        SKBUILD_WHEEL_EXCLUDE="lib/**;include/**;bin/**;llama_cpp/server/**" \
        SKBUILD_INSTALL_STRIP=true \
        pip wheel --no-deps --no-build-isolation --wheel-dir "$scratch/$1" "$source"
    "$environment/bin/python" -m zipfile -e "$scratch/$1"/*.whl "$scratch/$1"
    aarch64-linux-gnu-gcc -I"$headers/include" -I"$headers/ggml/include" "$here/gate.c" \
        -o "$scratch/$1/gate" -L"$scratch/$1/llama_cpp/lib" -lllama -lggml -lggml-base -lm \
        -Wl,-rpath-link,"$scratch/$1/llama_cpp/lib" -Wl,-rpath,"\$ORIGIN/llama_cpp/lib"
}

# runs TAG PROCESSOR: does that wheel compute on it?
runs() {
    "$qemu" -cpu "$2" -L /usr/aarch64-linux-gnu "$scratch/$1/gate" \
        "$project/host_training/examples/edda-tiny.bundle/model.gguf" "$scratch" \
        >"$scratch/said" 2>&1
}

must_run() {
    if ! runs "$1" "$2"; then
        cat "$scratch/said" >&2
        echo "make wheels: the wheel $1 does not run on a $2" >&2
        exit 1
    fi
    echo "$1 computes on a $2"
}

build 80 armv8-a
build 82_dotprod armv8.2-a+dotprod
must_run 80 cortex-a53
must_run 80 cortex-a76
must_run 82_dotprod cortex-a76
status=0
runs 82_dotprod cortex-a53 || status=$?
if [ $status -ne 132 ]; then # 128 + SIGILL
    echo "make wheels: 82_dotprod ended with $status on a cortex-a53, not for an illegal" \
        "instruction, so that nothing was examined" >&2
    exit 1
fi
rm -f "$out"/llama_cpp_python-*-linux_aarch64.whl
cp "$scratch"/80/*.whl "$scratch"/82_dotprod/*.whl "$out/"
ls -s --block-size=1K "$out"/llama_cpp_python-*-linux_aarch64.whl
