"""
The command line: one module per command, errors without traces, exit codes.

    0  done                     2  wrong call, setting or input file
    1  a check did not hold     3  part of the input was refused
"""

from __future__ import annotations

import sys

import click

from engines.retrieval.ingest.shelf import ShelfDamaged
from engines.voice import VoiceError
from engines.yamlfile import BadFile
from gateway.cli.accept import accept
from gateway.cli.assess import assess, roi
from gateway.cli.audit import audit
from gateway.cli.backup import backup, restore
from gateway.cli.chat import chat
from gateway.cli.config import config
from gateway.cli.demo import demo
from gateway.cli.doctor import doctor
from gateway.cli.eval_kb import eval_kb
from gateway.cli.kb import kb
from gateway.cli.learn import learn
from gateway.cli.ledger import ledger
from gateway.cli.loadtest import loadtest
from gateway.cli.loadtest_attack import attack
from gateway.cli.loadtest_channels import copied, hooks, sends, tamper_with
from gateway.cli.loadtest_effects import crashes
from gateway.cli.loadtest_forecast import forecast
from gateway.cli.loadtest_gateways import gateways
from gateway.cli.loadtest_injections import injections
from gateway.cli.loadtest_kb import faith, strangers
from gateway.cli.loadtest_kb import kb as kb_speed
from gateway.cli.loadtest_kills import kills
from gateway.cli.loadtest_limits import limits
from gateway.cli.loadtest_locust import locust
from gateway.cli.loadtest_matrix import matrix
from gateway.cli.loadtest_neighbours import neighbours
from gateway.cli.loadtest_recipes import recipes
from gateway.cli.loadtest_simulation import simulation
from gateway.cli.loadtest_soak import soak
from gateway.cli.models import models
from gateway.cli.operator import operator
from gateway.cli.outcomes import outcomes
from gateway.cli.people import people
from gateway.cli.plan import plan_command
from gateway.cli.replay import replay
from gateway.cli.router import evaluate, route
from gateway.cli.rules import rules
from gateway.cli.rules_proofs import hostile, public
from gateway.cli.serve import serve
from gateway.cli.simulate import simulate
from gateway.cli.stage import stage
from gateway.cli.tide import sale, tide, tide_live
from gateway.cli.train import train
from gateway.errors import GatewayError
from gateway.handoff.errors import HandoffError
from gateway.store.errors import StoreError
from router_models.errors import ArtifactError, DataError


#: Refusals whose message is all a person needs.
PLAIN = (
    GatewayError, StoreError, HandoffError, BadFile, VoiceError, DataError, ArtifactError,
    ShelfDamaged,
)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tidegate")
def cli() -> None:
    """Tidegate: rules, retrieval, an agent and people behind one gate."""


for command in (
    accept, assess, audit, backup, chat, config, demo, doctor, eval_kb, evaluate, kb, learn, ledger, loadtest,
    models, operator, outcomes, plan_command, replay, restore, roi, route, rules, sale, serve,
    simulate, stage, train,
):  # fmt: skip
    cli.add_command(command)
for command in (
    attack, copied, crashes, faith, forecast, gateways, hooks, injections, kb_speed, kills, limits, locust, matrix, neighbours, people, recipes, sends,
    simulation, soak, strangers, tamper_with, tide, tide_live,
):  # fmt: skip
    loadtest.add_command(command)
for command in (hostile, public):
    rules.add_command(command)


def main() -> None:
    """Entry of the console script."""
    try:
        cli()
    except PLAIN as exc:
        click.echo(f"tidegate: {exc}", err=True)
        sys.exit(2)
