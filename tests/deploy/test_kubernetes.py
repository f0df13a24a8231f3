"""Chart and manifests: Kubernetes' schemas accept them, the server understands every word, and both say the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from serving.auth.api_keys import make_key
from serving.auth.key_file import write_keys
from serving.settings import Settings, option, read_settings, variable
from tests.deploy.chart import CHART, HEAD, PLAIN, ROOT, VARIANTS, Refused, lint, render
from tests.deploy.test_schedules import understood
from tests.support.servers import Running, start_server, stop_server

OPTIONS = {option(field): field for field in Settings.model_fields}
KUBERNETES = ("1.30", "1.37")


def _objects(files: dict[str, str]) -> list[dict[str, Any]]:
    return [each for text in files.values() for each in yaml.safe_load_all(text) if each]


@pytest.fixture(scope="module", params=list(VARIANTS))
def rendered(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return _objects(render(VARIANTS[request.param]))


@pytest.fixture(scope="module")
def plain() -> list[dict[str, Any]]:
    return _objects(render({}))


def _one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def _pods(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    pods = [_one(objects, "Deployment")["spec"]["template"]]
    return pods + [each["spec"]["jobTemplate"]["spec"]["template"] for each in objects if each["kind"] == "CronJob"]


def _given(objects: list[dict[str, Any]]) -> dict[str, str]:
    """Give the server's options as they stand in the Deployment."""
    (container,) = _one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    pairs = [argument.partition("=") for argument in container["args"]]
    assert len({name for name, _, _ in pairs}) == len(pairs), "an option is given twice"
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("version", KUBERNETES)
def test_schemas_of_kubernetes_accept_it(rendered: list[dict[str, Any]], version: str) -> None:
    checked = set()
    for each in rendered:
        if not each["apiVersion"].startswith("monitoring.coreos.com/"):  # the operator's, not Kubernetes'
            kubernetes_validate.validate(each, version, strict=True)
            checked.add(each["kind"])
    assert {"Deployment", "Service", "PodDisruptionBudget", "ConfigMap"} <= checked


def test_the_checker_finds_what_is_wrong() -> None:
    deployment = _one(_objects(render({})), "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES[0], strict=True)


def test_plain_manifests_are_the_chart(plain: list[dict[str, Any]]) -> None:
    for name, text in render({}).items():
        assert (PLAIN / name).read_text("utf-8") == HEAD + text, f"run `make kubernetes`: {name}"
    listed = yaml.safe_load((PLAIN / "kustomization.yaml").read_text())
    assert (
        set(listed["resources"]) == set(render({})) == {p.name for p in PLAIN.glob("*.yaml")} - {"kustomization.yaml"}
    )
    images = {container["image"] for pod in _pods(plain) for container in pod["spec"]["containers"]}
    assert {f"{each['name']}:{each['newTag']}" for each in listed["images"]} == images


def test_files_of_the_chart_are_the_originals() -> None:
    for copy, original in (
        ("arms.toml", "data/arms.toml"),
        ("policy.toml", "data/policy.toml"),
        ("alerts.yaml", "deploy/grafana/alerts.yaml"),
    ):
        assert (CHART / "files" / copy).read_text() == (ROOT / original).read_text(), f"{original}: make kubernetes"


def test_helm_lints_it_and_refuses_unknown_values() -> None:
    assert lint() == []
    for wrong in (
        {"replica": 3},
        {"model": "thinkgate"},
        {"autoscaling": {"min": 0}},
        {"networkPolicy": {"callers": []}},
        {"options": {"workers": 4}},  # the chart's own
    ):
        with pytest.raises(Refused, match=r"schema|values"):
            render(wrong)


def test_the_server_understands_every_option(rendered: list[dict[str, Any]]) -> None:
    given = _given(rendered)
    assert set(given) <= set(OPTIONS)
    (container,) = _one(rendered, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {each["name"] for each in container["env"]} == {variable("journal"), variable("insecure_registry")}
    told = read_settings(
        {OPTIONS[name]: value for name, value in given.items()} | {"journal": "postgresql://thinkgate@db/thinkgate"}
    )
    assert (told.bundle is None) != (told.model is None)
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert ports == {"http": told.http_port, "grpc": told.grpc_port}
    left = _one(rendered, "Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert left > told.drain_seconds + container["lifecycle"]["preStop"]["sleep"]["seconds"]
    scheme = "HTTPS" if told.tls_cert else "HTTP"
    for probe, path in (("startup", "/readyz"), ("readiness", "/readyz"), ("liveness", "/healthz")):
        assert container[f"{probe}Probe"]["httpGet"] == {"path": path, "port": "http", "scheme": scheme}


def test_what_is_read_is_mounted_and_only_scratch_is_writable(rendered: list[dict[str, Any]]) -> None:
    spec = _one(rendered, "Deployment")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
    assert {each["name"] for each in mounts.values()} == {each["name"] for each in spec["volumes"]}
    for name, value in _given(rendered).items():
        if value.startswith("/"):
            place = next(mount for path, mount in mounts.items() if value.startswith(f"{path}/"))
            assert place.get("readOnly", False) == (name not in ("--spool", "--model-cache")), name
    writable = {mount["name"] for mount in mounts.values() if not mount.get("readOnly")}
    assert {each["name"] for each in spec["volumes"] if "emptyDir" in each} == writable
    assert all("sizeLimit" in each["emptyDir"] for each in spec["volumes"] if "emptyDir" in each)


def test_no_pod_has_a_privilege(rendered: list[dict[str, Any]]) -> None:
    for pod in _pods(rendered):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001  # as in the Dockerfiles
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_selectors_find_the_server_and_nothing_else(rendered: list[dict[str, Any]]) -> None:
    server, *jobs = (pod["metadata"]["labels"].items() for pod in _pods(rendered))
    selectors = [_one(rendered, "Service")["spec"]["selector"]]
    selectors += [
        _one(rendered, kind)["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")
    ]
    for selector in selectors:
        assert selector.items() <= server
        assert not any(selector.items() <= job for job in jobs)
    policies = [each["spec"]["podSelector"]["matchLabels"] for each in rendered if each["kind"] == "NetworkPolicy"]
    if policies:
        assert [sum(each.items() <= pod for each in policies) for pod in (server, *jobs)] == [1] * (1 + len(jobs))


def test_replicas_belong_to_the_autoscaler_or_to_the_values() -> None:
    scaled, fixed = _objects(render({})), _objects(render(VARIANTS["by hand"]))
    assert "replicas" not in _one(scaled, "Deployment")["spec"]
    target = _one(scaled, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target["name"] == _one(scaled, "Deployment")["metadata"]["name"]
    assert _one(fixed, "Deployment")["spec"]["replicas"] == 2
    assert not [each for each in fixed if each["kind"] == "HorizontalPodAutoscaler"]


def test_retraining_is_a_command_that_reads_what_the_server_writes(plain: list[dict[str, Any]]) -> None:
    (job,) = _pods(plain)[1]["spec"]["containers"]
    understood([*job["command"], *job["args"]])
    (server,) = _pods(plain)[0]["spec"]["containers"]
    journal = [each for each in job["env"] if each["name"] == "THINKGATE_JOURNAL"]
    assert journal == [each for each in server["env"] if each["name"] == "THINKGATE_JOURNAL"]
    registry = next(each["value"] for each in job["env"] if each["name"] == "MLFLOW_TRACKING_URI")
    assert registry == _given(plain)["--registry"]


def test_another_release_shares_no_name() -> None:
    first, second = ({each["metadata"]["name"] for each in _objects(render({}, name))} for name in ("thinkgate", "b"))
    assert not first & second
    assert all(name.startswith("b-thinkgate") for name in second)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    """A server with the Deployment's own options and the ConfigMap's own text; only paths, ports and model are ours."""
    folder = tmp_path_factory.mktemp("pod")
    objects = _objects(render({}))
    made = make_key("gateway", ["decide", "metrics"])
    write_keys(folder / "keys.toml", [made.key])
    for name, text in _one(objects, "ConfigMap")["data"].items():
        (folder / name).write_text(text)
    told = []
    for name, value in _given(objects).items():
        if name not in ("--model", "--registry", "--http-port", "--grpc-port"):
            told += [name, str(folder / Path(value).name) if value.startswith("/") else value]
    server = start_server("--cold-start", *told)
    try:
        yield server, made.token
    finally:
        stop_server(server)


def test_the_server_runs_so_and_shows_what_is_scaled_by(running: tuple[Running, str]) -> None:
    server, secret = running
    with httpx.Client(base_url=server.url.replace("0.0.0.0", "127.0.0.1")) as http:
        assert http.get("/healthz").status_code == http.get("/readyz").status_code == 200
        assert http.get("/metrics").status_code == 401
        bearer = {"authorization": f"Bearer {secret}"}
        assert http.post("/v1/decisions", json={"prompt": "Hi"}, headers=bearer).status_code == 200
        end = time.monotonic() + 20
        names: set[str] = set()
        while "thinkgate_decisions_total" not in names and time.monotonic() < end:
            body = http.get("/metrics", headers=bearer).text
            names = {sample.name for family in text_string_to_metric_families(body) for sample in family.samples}
            time.sleep(0.1)
    (rule,) = yaml.safe_load((ROOT / "deploy" / "prometheus" / "adapter-values.yaml").read_text())["rules"]["custom"]
    assert rule["seriesQuery"].partition("{")[0] in names
    metrics = _one(_objects(render({})), "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert [each["pods"]["metric"]["name"] for each in metrics] == [rule["name"]["as"]]


def test_the_monitor_scrapes_the_service_with_a_key() -> None:
    objects = _objects(render(VARIANTS["all of it"]))
    monitor, service = _one(objects, "ServiceMonitor"), _one(objects, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {each["name"] for each in service["spec"]["ports"]}
    assert endpoint["scheme"] == "https"
    assert endpoint["authorization"]["credentials"]["name"] == "thinkgate"
    rules = _one(objects, "PrometheusRule")["spec"]
    assert rules == yaml.safe_load((ROOT / "deploy" / "grafana" / "alerts.yaml").read_text())
