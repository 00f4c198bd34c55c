"""hands_node whose stages are timed by the CPU time of their thread, for node_overhead.py --clock cpu."""

import time

time.perf_counter = time.thread_time

from handos_ros.hands_node import main  # noqa: E402

main()
