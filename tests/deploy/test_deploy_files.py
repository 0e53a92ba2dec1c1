"""
Image, compose file and manifests: valid by their schemas, and true to the code.

No engine runs them here: what a schema and a reader can find is found, the rest is
marked as untried in the README.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import check_jsonschema  # type: ignore[import-untyped]
import jsonschema_rs
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from gateway.config import ServerConfig, shipped
from gateway.config_file import load
from gateway.secrets import fill
from gateway.supervisor import GRACE_S
from gateway.telemetry import Telemetry


FOLDER = shipped("deploy")
ROOT = FOLDER.parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
MANIFESTS: list[dict[str, Any]] = [
    document
    for path in sorted((FOLDER / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text("utf-8"))
]
PODS = [one for one in MANIFESTS if one["kind"] in {"Deployment", "StatefulSet"}]
#: Newest and oldest API that the manifests are held to.
VERSIONS = ("1.37", "1.31")


def name_of(document: dict[str, Any]) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def pod_of(document: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = document["spec"]["template"]["spec"]
    return pod


def named(kind: str, name: str) -> dict[str, Any]:
    [found] = [one for one in MANIFESTS if name_of(one) == f"{kind}/{name}"]
    return found


def test_the_compose_file_fits_its_schema() -> None:
    """The compose specification's own schema finds nothing."""
    vendor = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
    schema = json.loads((vendor / "compose-spec.json").read_text("utf-8"))
    # Its integers are also written as patterns that this validator reads otherwise.
    problems = list(jsonschema_rs.validator_for(schema).iter_errors(COMPOSE))
    assert [str(one) for one in problems] == []


def test_the_schema_would_find_a_slip() -> None:
    """A word that compose does not know is an error."""
    vendor = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
    schema = json.loads((vendor / "compose-spec.json").read_text("utf-8"))
    slip = {**COMPOSE, "services": {"a": {"image": "x", "read_onli": True}}}
    assert not jsonschema_rs.validator_for(schema).is_valid(slip)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", MANIFESTS, ids=name_of)
def test_every_manifest_fits_the_api(document: dict[str, Any], version: str) -> None:
    """Strictly: a field the API does not have is an error."""
    kubernetes_validate.validate(document, version, strict=True)


def test_the_api_would_find_a_slip() -> None:
    """A misspelt field does not pass."""
    slip = json.loads(json.dumps(named("Deployment", "tidegate")))
    pod_of(slip)["terminationGracePeriod"] = 40
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(slip, VERSIONS[0], strict=True)


@pytest.mark.parametrize("document", PODS, ids=name_of)
def test_pods_have_no_rights_they_do_not_need(document: dict[str, Any]) -> None:
    """Not root, a root that is read only, no capabilities, no token of the cluster."""
    pod = pod_of(document)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["containers"]:
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_services_have_no_rights_they_do_not_need(name: str) -> None:
    """The same for compose."""
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_a_stop_waits_for_the_drain() -> None:
    """Whoever stops a gateway waits longer than the gateway drains."""
    drain_s = ServerConfig().drain_s + GRACE_S
    pod = pod_of(named("Deployment", "tidegate"))
    [pause] = [
        float(c["lifecycle"]["preStop"]["exec"]["command"][1])
        for c in pod["containers"]
    ]
    assert pod["terminationGracePeriodSeconds"] > pause + drain_s
    compose = COMPOSE["services"]["gateway"]["stop_grace_period"]
    assert float(compose.removesuffix("s")) > drain_s


def test_the_store_is_durable_wherever_it_runs() -> None:
    """As the probe of the gateway wants it: fsync before the reply, no eviction."""
    words = [
        COMPOSE["services"]["valkey"]["command"],
        pod_of(named("StatefulSet", "tidegate-valkey"))["containers"][0]["args"],
    ]
    for command in words:
        pairs = dict(zip(command[1::2], command[2::2], strict=True))
        assert pairs["--appendonly"] == "yes"
        assert pairs["--appendfsync"] == "always"
        assert pairs["--maxmemory-policy"] == "noeviction"


def test_probes_and_ports_are_those_of_the_gateway() -> None:
    """Paths that exist, and the port of the configuration beside them."""
    pod = pod_of(named("Deployment", "tidegate"))
    [container] = pod["containers"]
    paths = {
        container[f"{probe}Probe"]["httpGet"]["path"]
        for probe in ("startup", "liveness", "readiness")
    }
    assert paths == {"/healthz", "/readyz"}
    config = tomllib.loads(named("ConfigMap", "tidegate")["data"]["tidegate.toml"])
    assert container["ports"][0]["containerPort"] == config["server"]["port"]
    assert COMPOSE["services"]["gateway"]["ports"] == ["8080-8081:8080"]


def test_names_find_each_other() -> None:
    """Services select pods that are there; the budget and the scaler mean them too."""
    labels = {
        name_of(one): one["spec"]["template"]["metadata"]["labels"] for one in PODS
    }
    for document in MANIFESTS:
        selector = document.get("spec", {}).get("selector", {})
        wanted = selector.get("matchLabels", selector)
        if document["kind"] in {"Service", "PodDisruptionBudget"}:
            assert wanted in labels.values(), name_of(document)
    target = named("HorizontalPodAutoscaler", "tidegate")["spec"]["scaleTargetRef"]
    assert f"{target['kind']}/{target['name']}" in labels


def test_the_scaler_looks_at_metrics_that_exist(tmp_path: Path) -> None:
    """And at the queue before the processor."""
    telemetry = Telemetry(log_path=str(tmp_path / "log"), level="error")
    shown = telemetry.expose().decode()
    telemetry.lines.close()
    metrics = named("HorizontalPodAutoscaler", "tidegate")["spec"]["metrics"]
    names = [one["pods"]["metric"]["name"] for one in metrics if one["type"] == "Pods"]
    assert names
    for name in names:
        assert f"# TYPE {name} gauge" in shown


@pytest.mark.parametrize("where", ["image", "kubernetes"])
def test_the_configuration_loads_with_the_secrets_as_files(
    where: str, tmp_path: Path
) -> None:
    """Every secret is read from a file that make-secrets writes."""
    deploy = tmp_path / "configs" / "deploy"
    shutil.copytree(FOLDER, deploy)
    subprocess.run([deploy / "make-secrets"], check=True)
    text = (
        (FOLDER / "tidegate.toml").read_text("utf-8")
        if where == "image"
        else named("ConfigMap", "tidegate")["data"]["tidegate.toml"]
    )
    path = tmp_path / "tidegate.toml"
    path.write_text(text.replace("/run/secrets", str(deploy / "secrets")), "utf-8")
    config, secrets = fill(load(path, {}), tmp_path / "data")
    written = {
        one.name: one.read_text().strip() for one in (deploy / "secrets").iterdir()
    }
    assert secrets.visitor_secret == written["visitor"]
    keys = {channel.name: channel.key for channel in config.shops[0].channels}
    assert keys == {"web": written["web"], "app": written["app"]}
    assert set(COMPOSE["secrets"]) == set(written)


def test_secrets_are_made_once_and_are_all_different(tmp_path: Path) -> None:
    """A second call changes nothing."""
    script = tmp_path / "make-secrets"
    shutil.copy(FOLDER / "make-secrets", script)
    assert script.stat().st_mode & stat.S_IXUSR
    subprocess.run([script], check=True)
    first = {p.name: p.read_text() for p in (tmp_path / "secrets").iterdir()}
    subprocess.run([script], check=True)
    assert {p.name: p.read_text() for p in (tmp_path / "secrets").iterdir()} == first
    assert len(set(first.values())) == len(first) == 4
    assert all(len(text.strip()) >= 32 for text in first.values())


INSTRUCTION = re.compile(
    r"(FROM|ARG|ENV|RUN|COPY|WORKDIR|USER|EXPOSE|VOLUME|HEALTHCHECK|STOPSIGNAL"
    r"|ENTRYPOINT|CMD) "
)


def image_lines() -> list[str]:
    """The image's instructions, with continued lines in one."""
    text = (FOLDER / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_copies_what_is_there_and_runs_without_root() -> None:
    """Each instruction is one; each source exists; the last user is not root."""
    lines = image_lines()
    assert [line for line in lines if not INSTRUCTION.match(line)] == []
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    sources = [one for words in copied for one in words if not one.startswith("--")]
    gone = [
        one for one in sources if not one.startswith("/") and not (ROOT / one).exists()
    ]
    assert gone == []
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]
    assert not any("secret" in line.lower() for line in lines)


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """Promtool checks it with the rules beside it, as compose mounts them."""
    program = shutil.which("promtool")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no promtool: install the package prometheus")
        pytest.skip("no promtool on this machine: install the package prometheus")
    shutil.copy(FOLDER / "prometheus.yml", tmp_path)
    shutil.copy(shipped("prometheus") / "rules.yaml", tmp_path)
    checked = subprocess.run(
        [program, "check", "config", "prometheus.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
