"""Training is the same however its batches are cut, and whenever it was stopped."""

import multiprocessing
import os
import signal
import socket
from dataclasses import replace

import pytest
import torch
from small_run import of_renders, of_uneven, small_recipe

from handos_model.template.load import load_template
from handos_model.training.batches import Consecutive, Mix, batches
from handos_model.training.trainer import Trainer

STEPS = 4
SPAWN = multiprocessing.get_context("spawn")


def losses(trainer):
    """Loss, some of its terms and the norm of all weights after each step."""
    stream = batches(trainer.task.mix, 0, trainer.accelerator.process_index, trainer.accelerator.num_processes)
    curve = []
    for _ in range(STEPS):
        values = trainer.learn(*(next(stream) for _ in range(trainer.recipe.accumulate)))
        norm = torch.cat([p.detach().flatten() for p in trainer.network.parameters()]).norm()
        curve.append([values["loss"], values["joints_2d"], values["joints_3d"], float(norm)])
    return torch.tensor(curve)


@pytest.fixture(scope="module")
def alone(pool, tmp_path_factory):
    recipe = small_recipe(mixture=of_uneven(pool), batch_size=8)
    curve = losses(Trainer(recipe, tmp_path_factory.mktemp("run")))
    assert curve.isfinite().all() and (curve[:, 0] > 1).all()
    return curve


def one_of_two(rank, port, pool, folder):
    """One process as `torchrun` starts it."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    trainer = Trainer(small_recipe(mixture=of_uneven(pool), batch_size=4), folder)
    torch.save(losses(trainer), folder / f"{rank}.pt")
    if rank == 0:
        trainer.save()
    trainer.accelerator.wait_for_everyone()
    again = Trainer(trainer.recipe, folder)  # goes on from the checkpoint of the first process
    assert again.step == STEPS and again.samples == STEPS * 8
    own = again.network.trainable_state()
    assert all(torch.equal(value, own[name]) for name, value in trainer.network.trainable_state().items())
    torch.distributed.destroy_process_group()


def test_two_processes_give_the_curve_of_one(pool, alone, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [SPAWN.Process(target=one_of_two, args=(rank, port, pool, tmp_path)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        process.kill()
    for rank, process in enumerate(processes):
        assert process.exitcode == 0
        assert torch.allclose(torch.load(tmp_path / f"{rank}.pt"), alone, rtol=1e-3, atol=0)  # relative


def test_two_passes_of_half_a_batch_give_the_curve_of_one(pool, alone, tmp_path):
    curve = losses(Trainer(small_recipe(mixture=of_uneven(pool), batch_size=4, accumulate=2), tmp_path))
    assert torch.allclose(curve, alone, rtol=1e-3, atol=0)


def test_processes_and_restarts_share_out_the_same_numbers():
    def first(sampler, n):
        numbers = iter(sampler)
        return [next(numbers) for _ in range(n)]

    assert first(Consecutive(0, 4, 0, 1), 2) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert first(Consecutive(0, 2, 0, 2), 2) == [[0, 1], [4, 5]]
    assert first(Consecutive(0, 2, 1, 2), 2) == [[2, 3], [6, 7]]
    assert first(Consecutive(4, 4, 0, 1), 1) == [[4, 5, 6, 7]]


def test_a_sample_depends_on_seed_and_number_alone(pool):
    recipe = small_recipe(mixture=of_renders(pool))
    plain = batches(Mix(recipe, load_template()), 0)
    first, second = next(plain), next(plain)
    by_worker = next(batches(Mix(replace(recipe, workers=2), load_template()), 4))
    assert all(torch.equal(value, by_worker[name]) for name, value in second.items())
    assert not torch.equal(first["images"], second["images"])
    assert len(set(first["seeds"].tolist())) == 4
    other = next(batches(Mix(replace(recipe, seed=1), load_template()), 0))
    assert not torch.equal(first["images"], other["images"])


class Doomed(Trainer):
    """Is killed in step 4, after a checkpoint at step 2."""

    def save(self):
        if self.step == 2:
            super().save()

    def learn(self, *parts):
        if self.step == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().learn(*parts)


def run_doomed(recipe, folder):
    Doomed(recipe, folder).run()


def test_a_killed_run_comes_to_the_weights_of_one_never_killed(pool, tmp_path):
    recipe = small_recipe(mixture=of_renders(pool), max_steps=5, decay_from=0.2, checkpoint_minutes=0.0)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    process = SPAWN.Process(target=run_doomed, args=(replace(recipe, workers=1), killed))
    process.start()
    process.join(300)
    assert process.exitcode == -signal.SIGKILL
    trainer = Trainer(recipe, killed)
    assert (trainer.step, trainer.samples) == (2, 8)
    trainer.run()
    Trainer(recipe, whole).run()
    states = [torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (killed, whole)]
    assert states[0]["step"] == states[1]["step"] == 5
    for part in ("network", "averaged"):
        for name, value in states[1][part].items():
            assert torch.equal(value, states[0][part][name]), f"{part} {name}"
    moments = [state["optimizer"]["state"] for state in states]
    assert all(torch.equal(m, moments[0][i][k]) for i, each in moments[1].items() for k, m in each.items())
