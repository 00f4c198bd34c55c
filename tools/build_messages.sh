#!/bin/sh
# Builds this package, and tf2_msgs, which PyPI lacks, against ROS wheels in a virtual environment, and installs both
# there: tools/build_messages.sh VENV. With a ROS installation, colcon does that.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
prefix=$(cd "${1:?names no VENV}" && pwd)
export PATH="$prefix/bin:$PATH" AMENT_PREFIX_PATH="$prefix" CMAKE_PREFIX_PATH="$prefix"

for package in cmake/tf2_msgs .; do
  build="$prefix/build/$(basename "$(cd "$source/$package" && pwd)")"
  mkdir -p "$build"
  cd "$build"  # the list of installed links is written to the current folder
  if ! {
    cmake -S "$source/$package" -B . -G Ninja -DCMAKE_INSTALL_PREFIX="$prefix" -DBUILD_TESTING=OFF \
      -DPython3_EXECUTABLE="$prefix/bin/python" -DAMENT_CMAKE_SYMLINK_INSTALL=1 &&
    cmake --build . && cmake --install .
  } > log.txt 2>&1; then
    tail -n 30 log.txt >&2
    echo "The build of $package failed: all of it is in $build/log.txt" >&2
    exit 1
  fi
done
# By this metadata pip would take the messages for an older version of the package, and remove them with it.
rm -rf "$prefix"/lib/python3*/site-packages/handos_ros-*-py3*.egg-info
